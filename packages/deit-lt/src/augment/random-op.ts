/** Augmentations that are one operation of the table on a share of the images: grey, solarised, posterised, blurred. */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation, probability, range } from './augmentation.js';
import { type OpChoice, planOps } from './ops.js';
import { type BatchTransform, plannedTransform } from './transform.js';

/** Applies what `choose` draws to a share of the images. */
function sometimes(probability: number, choose: (random: RandomStream) => OpChoice): BatchTransform {
  return plannedTransform((batch, randoms) =>
    planOps(
      randoms.map((random) => [random.chance(probability) ? choose(random) : undefined]),
      batch,
    ),
  );
}

/** Takes the colours away. */
export const randomGrayscale = augmentation(
  'batch',
  z.strictObject({ probability: probability(0.2) }),
  ({ probability }) => sometimes(probability, () => ({ op: 'grayscale', arg: 0 })),
);

/** Inverts the bright levels. */
export const randomSolarize = augmentation(
  'batch',
  z.strictObject({
    probability: probability(0.2),
    threshold: z.number().min(0).max(256).default(128).describe('the first level that is inverted'),
  }),
  ({ probability, threshold }) => sometimes(probability, () => ({ op: 'solarize', arg: threshold })),
);

/** Keeps only the highest bits of the levels. */
export const randomPosterize = augmentation(
  'batch',
  z.strictObject({
    probability: probability(0.2),
    bits: z.int().min(1).max(8).default(4).describe('bits that stay'),
  }),
  ({ probability, bits }) => sometimes(probability, () => ({ op: 'posterize', arg: bits })),
);

/** A blur with a standard deviation from `low` to `high` pixels. */
export function drawBlur([low, high]: readonly [number, number], random: RandomStream): OpChoice {
  return { op: 'gaussianBlur', arg: random.uniform(low, high) };
}

/** Blurs with a random standard deviation: Pillow's `radius`, drawn as MoCo v2 and DINO do. */
export const randomGaussianBlur = augmentation(
  'batch',
  z.strictObject({
    probability: probability(0.5),
    radius: range(0, 64).default([0.1, 2]).describe('standard deviation in pixels of the input, [low, high]'),
  }),
  ({ probability, radius }) => sometimes(probability, (random) => drawBlur(radius, random)),
);

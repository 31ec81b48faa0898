/**
 * 3-Augment (Touvron et al., "DeiT III", ECCV 2022, arXiv 2204.07118): each image is made grey, solarised or blurred, one
 * of the three with equal chance. The paper adds a colour jitter of 0.3 after it and a simple random crop before it.
 */
import { z } from 'zod';
import type { RandomStream } from '../random/stream.js';
import { augmentation, range } from './augmentation.js';
import { type OpChoice, planOps } from './ops.js';
import { drawBlur } from './random-op.js';
import { plannedTransform } from './transform.js';

const options = z.strictObject({
  threshold: z.number().min(0).max(256).default(128).describe('solarising: the first level that is inverted'),
  radius: range(0, 64).default([0.1, 2]).describe('blur: standard deviation in pixels of the input, [low, high]'),
});

/** Chooses one of the three operations for an image. */
export function drawThree({ threshold, radius }: z.output<typeof options>, random: RandomStream): OpChoice {
  const choice = random.int(3);
  if (choice === 0) return { op: 'grayscale', arg: 0 };
  if (choice === 1) return { op: 'solarize', arg: threshold };
  return drawBlur(radius, random);
}

export const threeAugment = augmentation('batch', options, (given) =>
  plannedTransform((batch, randoms) =>
    planOps(
      randoms.map((random) => [drawThree(given, random)]),
      batch,
    ),
  ),
);

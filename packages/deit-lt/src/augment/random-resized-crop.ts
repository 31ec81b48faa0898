/** A crop of random area and shape, resized to the input: Szegedy et al. 2015, drawn as timm and torchvision do. */
import { z } from 'zod';
import type { Window } from '../data/decode/window.js';
import type { RandomStream } from '../random/stream.js';
import { augmentation, range } from './augmentation.js';
import { roundHalfEven } from './round-half-even.js';

/** torchvision's number; the centre crop after it is rare. */
const attempts = 10;

export interface RandomResizedCropOptions {
  /** Share of the image's area, [low, high]. */
  scale: readonly [number, number];
  /** Width over height, [low, high]; drawn uniformly in its logarithm. */
  ratio: readonly [number, number];
}

/**
 * Draws a window of `scale` of the area and of shape `ratio` that lies in an image of `width` × `height` pixels. When
 * ten tries do not fit, the largest centred window whose shape is in `ratio`.
 */
export function drawResizedCrop(
  width: number,
  height: number,
  { scale, ratio }: RandomResizedCropOptions,
  random: RandomStream,
): Window {
  const logLow = Math.log(ratio[0]);
  const logHigh = Math.log(ratio[1]);
  for (let i = 0; i < attempts; i++) {
    const area = width * height * random.uniform(scale[0], scale[1]);
    const aspect = Math.exp(random.uniform(logLow, logHigh));
    const w = roundHalfEven(Math.sqrt(area * aspect));
    const h = roundHalfEven(Math.sqrt(area / aspect));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const y = random.int(height - h + 1);
    return { x: random.int(width - w + 1), y, width: w, height: h, flip: false };
  }
  return centredWithin(width, height, ratio);
}

function centredWithin(width: number, height: number, ratio: readonly [number, number]): Window {
  const aspect = width / height;
  const w = aspect > ratio[1] ? roundHalfEven(height * ratio[1]) : width;
  const h = aspect < ratio[0] ? roundHalfEven(width / ratio[0]) : height;
  return { x: Math.floor((width - w) / 2), y: Math.floor((height - h) / 2), width: w, height: h, flip: false };
}

const aspect = z.tuple([z.number().positive(), z.number().positive()]);

export const randomResizedCrop = augmentation(
  'window',
  z.strictObject({
    scale: range(0.001, 1).default([0.08, 1]).describe("share of the image's area, [low, high]"),
    ratio: aspect
      .refine(([low, high]) => low <= high, { error: 'expected [low, high] with low not above high' })
      .default([3 / 4, 4 / 3])
      .describe('width over height, [low, high]'),
  }),
  (options) => (width, height, random) => drawResizedCrop(width, height, options, random),
);

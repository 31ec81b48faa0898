/** Cutout (DeVries and Taylor 2017, arXiv 1708.04552): black squares, which the border may cut. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { augmentation, probability } from './augmentation.js';
import { type Box, pixelsIn } from './random-erasing.js';
import { plannedTransform } from './transform.js';

/** The square of `length` pixels around (`centerY`, `centerX`), clipped to an image of `width` × `height`. */
export function cutoutBox(width: number, height: number, length: number, centerY: number, centerX: number): Box {
  const half = Math.floor(length / 2);
  const top = Math.max(0, centerY - half);
  const left = Math.max(0, centerX - half);
  return {
    top,
    left,
    height: Math.min(height, centerY + half) - top,
    width: Math.min(width, centerX + half) - left,
  };
}

export const cutout = augmentation(
  'batch',
  z.strictObject({
    probability: probability(1),
    length: z.int().positive().default(16).describe('side of a square in pixels of the input'),
    count: z.int().positive().default(1).describe('squares of an image; they may overlap'),
  }),
  ({ probability, length, count }) =>
    plannedTransform(({ height, width }, randoms) => {
      const boxes = randoms.map((random) => {
        if (!random.chance(probability)) return [];
        return Array.from({ length: count }, () => {
          const centerY = random.int(height);
          return cutoutBox(width, height, length, centerY, random.int(width));
        });
      });
      return (images) =>
        torch.tidy(() => {
          const cut = images.clone();
          boxes.forEach((ofImage, i) => {
            for (const box of ofImage) pixelsIn(cut, i, box).zero_();
          });
          return cut;
        });
    }),
);

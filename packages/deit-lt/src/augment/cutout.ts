/** Cutout (DeVries and Taylor 2017, arXiv 1708.04552): black squares, which the border may cut. */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { augmentation, probability } from './augmentation.js';
import { type Box, eraseBox_ } from './random-erasing.js';

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
    (images, randoms) =>
      torch.tidy(() => {
        const [, , height, width] = images.shape as [number, number, number, number];
        const cut = images.clone();
        const black = torch.zeros(1).to(images.device);
        randoms.forEach((random, i) => {
          if (!random.chance(probability)) return;
          for (let k = 0; k < count; k++) {
            const centerY = random.int(height);
            eraseBox_(cut, i, cutoutBox(width, height, length, centerY, random.int(width)), black);
          }
        });
        return cut;
      }),
);

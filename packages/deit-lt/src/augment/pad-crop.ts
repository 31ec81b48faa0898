/** A random shift: the image with a border around it, cropped back to its size (He et al. 2016, on CIFAR). */
import { z } from 'zod';
import { augmentation, borderMode } from './augmentation.js';

export const padCrop = augmentation(
  'window',
  z.strictObject({
    padding: z.int().nonnegative().default(4).describe('width of the border, in pixels of the source image'),
    mode: borderMode('zero'),
  }),
  ({ padding, mode }) =>
    (width, height, random) => {
      const side = Math.min(width, height); // of an oblong image, the largest square
      const y = random.int(height - side + 2 * padding + 1) - padding;
      const x = random.int(width - side + 2 * padding + 1) - padding;
      const reflect = mode === 'reflect' ? { reflect: true } : {};
      return { x, y, width: side, height: side, flip: false, ...reflect };
    },
);

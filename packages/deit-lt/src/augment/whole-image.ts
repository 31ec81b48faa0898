/** The whole image, squeezed to the square input. */
import { z } from 'zod';
import { augmentation } from './augmentation.js';

export const wholeImage = augmentation('window', z.strictObject({}), () => (width, height) => ({
  x: 0,
  y: 0,
  width,
  height,
  flip: false,
}));

/** Mirrors images left to right, or upside down. */
import { z } from 'zod';
import { augmentation, probability } from './augmentation.js';

export const flip = augmentation(
  'window-change',
  z.strictObject({ probability: probability(0.5) }),
  ({ probability }) =>
    (window, random) =>
      random.chance(probability) ? { ...window, flip: !window.flip } : window,
);

export const verticalFlip = augmentation(
  'window-change',
  z.strictObject({ probability: probability(0.5) }),
  ({ probability }) =>
    (window, random) =>
      random.chance(probability) ? { ...window, flipVertical: !window.flipVertical } : window,
);

/** Mirrors images left to right. */
import { z } from 'zod';
import { augmentation, probability } from './augmentation.js';

export const flip = augmentation(
  'window-change',
  z.strictObject({ probability: probability(0.5) }),
  ({ probability }) =>
    (window, random) =>
      random.chance(probability) ? { ...window, flip: !window.flip } : window,
);

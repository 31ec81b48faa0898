/** The centre crop for evaluation, as one window (timm's evaluation transform). */
import { z } from 'zod';
import { augmentation } from './augmentation.js';
import { centerWindow } from './evaluation-input.js';

export const centerCrop = augmentation(
  'window',
  z.strictObject({
    enlarge: z
      .number()
      .min(1)
      .max(8)
      .optional()
      .describe('the shorter side is resized to this many times the input; 256/224, up to 32 pixels 1'),
  }),
  ({ enlarge }, { size }) =>
    (width, height) =>
      centerWindow(width, height, size, enlarge),
);

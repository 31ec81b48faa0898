/** What images are evaluated on: the middle of the image, as one window (timm's evaluation transform). */
import { z } from 'zod';
import type { Window } from '../data/window.js';
import { augmentation, roundHalfEven } from './augmentation.js';

/** Up to this size nothing is cropped: data sets of such images (CIFAR) fill them to the edge. */
const uncroppedSize = 32;

/**
 * The window that gives the same as resizing the shorter side to ⌊enlarge · size⌋ and cropping `size` × `size` from
 * the middle. Its numbers are fractions of source pixels, because the crop is placed on whole resized pixels.
 * `enlarge` is 256/224 when absent, and 1 for sizes up to 32.
 */
export function centerWindow(
  width: number,
  height: number,
  size: number,
  enlarge: number = size > uncroppedSize ? 256 / 224 : 1,
): Window {
  const shorter = Math.floor(enlarge * size);
  const longer = Math.floor((shorter * Math.max(width, height)) / Math.min(width, height));
  const scaledWidth = width < height ? shorter : longer;
  const scaledHeight = width < height ? longer : shorter;
  const toX = width / scaledWidth;
  const toY = height / scaledHeight;
  return {
    x: roundHalfEven((scaledWidth - size) / 2) * toX,
    y: roundHalfEven((scaledHeight - size) / 2) * toY,
    width: size * toX,
    height: size * toY,
    flip: false,
    seesAround: true,
  };
}

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

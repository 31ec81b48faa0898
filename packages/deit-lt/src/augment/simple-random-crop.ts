/**
 * The simple random crop of DeiT-III (Touvron et al., ECCV 2022, arXiv 2204.07118): the shorter side is resized to the
 * input's, a border is added, and the input is cut out at a random place. With a black border it is the crop of the
 * published LDAM style.
 */
import { z } from 'zod';
import type { Window } from '../data/decode/window.js';
import type { RandomStream } from '../random/stream.js';
import { augmentation, borderMode } from './augmentation.js';

export interface SimpleCropOptions {
  /** Side of the input in pixels. */
  size: number;
  /** Width of the border in pixels of the input. */
  padding: number;
  mode: 'reflect' | 'zero';
}

/** Draws the window that gives what resizing, padding and cropping would; its numbers are fractions of source pixels. */
export function drawSimpleCrop(
  width: number,
  height: number,
  { size, padding, mode }: SimpleCropOptions,
  random: RandomStream,
): Window {
  const longer = Math.floor((size * Math.max(width, height)) / Math.min(width, height));
  const scaledWidth = width < height ? size : longer;
  const scaledHeight = width < height ? longer : size;
  const y = random.int(scaledHeight + 2 * padding - size + 1) - padding;
  const x = random.int(scaledWidth + 2 * padding - size + 1) - padding;
  const toX = width / scaledWidth;
  const toY = height / scaledHeight;
  return {
    x: x * toX,
    y: y * toY,
    width: size * toX,
    height: size * toY,
    flip: false,
    seesAround: true,
    ...(mode === 'reflect' && { reflect: true }),
  };
}

export const simpleRandomCrop = augmentation(
  'window',
  z.strictObject({
    padding: z.int().nonnegative().default(4).describe('width of the border, in pixels of the input'),
    mode: borderMode('reflect'),
  }),
  (options, { size }) =>
    (width, height, random) =>
      drawSimpleCrop(width, height, { ...options, size }, random),
);

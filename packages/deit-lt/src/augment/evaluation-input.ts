/**
 * The input of a network at evaluation, for one image and without libtorch: the same window, resampling and
 * normalisation as `evaluationPipeline` builds for a whole batch. For browsers.
 */

import type { Rgb } from '../data/decode/background.js';
import type { Filter, Window } from '../data/decode/window.js';
import { type RawImage, resampleImage } from '../data/resample/resample-image.js';
import { roundHalfEven } from './round-half-even.js';

/** Conversion of images to the network's input; `mean` and `std` are per channel, of values 0…1. */
export interface InputSpec {
  /** Side of the square input in pixels. */
  readonly size: number;
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly filter: Filter;
  /** Background of transparent images: red, green, blue, 0 … 255. Absent in models of earlier versions: white. */
  readonly background?: Rgb;
}

/** Up to this size nothing is cropped: data sets of such images (CIFAR) fill them to the edge. */
const uncroppedSize = 32;

/** Ratio of resized to cropped side in the published evaluation. */
const usualEnlarge = 256 / 224;

/** Returns whether the middle of an image is taken at this input size, or all of it, squeezed to a square. */
export const cropsMiddle = (size: number): boolean => size > uncroppedSize;

/** Size of the shorter side before the centre crop, for this input size; null if nothing is cropped. */
export const resizedSide = (size: number): number | null =>
  cropsMiddle(size) ? Math.floor(usualEnlarge * size) : null;

/** The part of an image that the network sees at evaluation. */
export function evaluationWindow(width: number, height: number, size: number): Window {
  return cropsMiddle(size) ? centerWindow(width, height, size) : { x: 0, y: 0, width, height, flip: false };
}

/**
 * The window that gives the same as resizing the shorter side to ⌊enlarge · size⌋ and cropping `size` × `size` from
 * the middle. Its numbers are fractions of source pixels, because the crop is placed on whole resized pixels.
 * `enlarge` is 256/224 when absent, and 1 for sizes up to 32.
 */
export function centerWindow(
  width: number,
  height: number,
  size: number,
  enlarge: number = cropsMiddle(size) ? usualEnlarge : 1,
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

/** The pixels that the network sees: `size · size · 3` bytes, row by row, RGB. */
export function evaluationPixels(image: RawImage, { size, filter }: Pick<InputSpec, 'size' | 'filter'>): Uint8Array {
  return resampleImage(image, evaluationWindow(image.width, image.height, size), size, filter);
}

/**
 * Levels 0…255, row by row, RGB, to the network's numbers `[3, size, size]`: `(level/255 − mean) / std`, rounded as
 * `normalize` does.
 */
export function networkInput(pixels: Uint8Array, { mean, std }: Pick<InputSpec, 'mean' | 'std'>): Float32Array {
  const area = pixels.length / 3;
  const input = new Float32Array(pixels.length);
  for (let channel = 0; channel < 3; channel++) {
    const scale = Math.fround(1 / (255 * std[channel]!));
    const shift = Math.fround(-mean[channel]! / std[channel]!);
    for (let i = 0; i < area; i++) input[channel * area + i] = pixels[i * 3 + channel]! * scale + shift;
  }
  return input;
}

/**
 * Cuts a window out of one image and resizes it, in Pillow's own integer arithmetic: horizontally, then vertically,
 * each pass rounded to whole levels. Needs no libtorch, so that decoding threads can use it.
 */

import type { Filter, Window } from '../decode/window.js';
import { horizontalSpan, type Taps, tapsOf, verticalSpan, weightBits } from './resample-taps.js';

/** An image of 8 bits: `width · height · 3` bytes, row by row, RGB. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** One window of one image: `size · size · 3` bytes, row by row, RGB; exactly what Pillow gives. */
export function resampleImage(image: RawImage, window: Window, size: number, filter: Filter): Uint8Array {
  return resampleWith(image, tapsOfWindow(window, image, size, filter));
}

/** The weights of both axes. */
export interface WindowTaps {
  readonly across: Taps;
  readonly down: Taps;
}

/** The weights with which a window of an image of `width` × `height` pixels becomes `size` × `size` pixels. */
export function tapsOfWindow(
  window: Window,
  { width, height }: { width: number; height: number },
  size: number,
  filter: Filter,
): WindowTaps {
  return {
    across: tapsOf(horizontalSpan(window), width, size, filter),
    down: tapsOf(verticalSpan(window), height, size, filter),
  };
}

/** Does the same as `resampleImage` with existing weights. */
export function resampleWith(image: RawImage, { across, down }: WindowTaps): Uint8Array {
  const [firstRow, endRow] = pixelsSeen(down);
  const rows = resampleRows(image, across, firstRow, endRow);
  return resampleColumns(rows, down, down.first.length, firstRow);
}

/** The source pixels of one axis that the output depends on: the first, and the first one after them. */
export function pixelsSeen({ first, count }: Taps): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let i = 0; i < first.length; i++) {
    if (count[i] === 0) continue;
    low = Math.min(low, first[i]!);
    high = Math.max(high, first[i]! + count[i]!);
  }
  return [Math.min(low, high), high];
}

const half = 1 << (weightBits - 1);

function resampleRows({ width, pixels }: RawImage, taps: Taps, firstRow: number, endRow: number): Uint8ClampedArray {
  const { first, count, weights, stride } = taps;
  const size = first.length;
  const result = new Uint8ClampedArray((endRow - firstRow) * size * 3);
  let out = 0;
  for (let row = firstRow; row < endRow; row++)
    for (let i = 0; i < size; i++, out += 3) {
      let [r, g, b] = [half, half, half];
      let at = (row * width + first[i]!) * 3;
      const end = i * stride + count[i]!;
      for (let w = i * stride; w < end; w++, at += 3) {
        const weight = weights[w]!;
        r += pixels[at]! * weight;
        g += pixels[at + 1]! * weight;
        b += pixels[at + 2]! * weight;
      }
      result[out] = r >> weightBits;
      result[out + 1] = g >> weightBits;
      result[out + 2] = b >> weightBits;
    }
  return result;
}

function resampleColumns(rows: Uint8ClampedArray, taps: Taps, size: number, firstRow: number): Uint8Array {
  const { first, count, weights, stride } = taps;
  const result = new Uint8ClampedArray(size * size * 3);
  const sums = new Int32Array(size * 3);
  for (let i = 0; i < size; i++) {
    sums.fill(half);
    for (let tap = 0; tap < count[i]!; tap++) {
      const weight = weights[i * stride + tap]!;
      const at = (first[i]! + tap - firstRow) * size * 3;
      for (let j = 0; j < sums.length; j++) sums[j]! += rows[at + j]! * weight;
    }
    for (let j = 0; j < sums.length; j++) result[i * size * 3 + j] = sums[j]! >> weightBits;
  }
  return new Uint8Array(result.buffer);
}

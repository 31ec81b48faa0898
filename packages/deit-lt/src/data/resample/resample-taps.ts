/**
 * Pillow's resize as weights: the source pixels of each output pixel of one axis, with their weights. Pillow widens the
 * filter by the scale when it shrinks (so that it does not alias), normalises the weights of each output pixel, and
 * rounds them to 22 fractional bits; bicubic is Keys' kernel with a = −0.5.
 */
import type { Filter, Window } from '../decode/window.js';

/** One axis of a window: where it begins and how long it is, in source pixels. */
export interface Span {
  readonly start: number;
  readonly length: number;
  /** The filter may see the pixels around the span, as when a whole image is resized and then cropped. */
  readonly seesAround: boolean;
  /** Output pixels come in reverse order. */
  readonly reversed: boolean;
  /** Pixels outside the image are its mirror image, not black. */
  readonly reflect: boolean;
}

/** The weights of one axis: output pixel i depends on `count[i]` source pixels from `first[i]` on. */
export interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Weight t of output pixel i, in units of 2⁻²², is `weights[i · stride + t]`. */
  readonly weights: Int32Array;
  readonly stride: number;
}

/** Fractional bits of Pillow's weights for images of 8 bits. */
export const weightBits = 22;
const one = 2 ** weightBits;

/** The horizontal axis of `window`. */
export function horizontalSpan({ x, width, flip, seesAround = false, reflect = false }: Window): Span {
  return { start: x, length: width, reversed: flip, seesAround, reflect };
}

/** The vertical axis of `window`. */
export function verticalSpan({ y, height, flipVertical = false, seesAround = false, reflect = false }: Window): Span {
  return { start: y, length: height, reversed: flipVertical, seesAround, reflect };
}

/** Returns the place of pixel `index` in a line of `length` pixels that is continued by its mirror images. */
export function reflectIndex(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((index % period) + period) % period;
  return Math.min(within, period - within);
}

/**
 * The weights with which the part `span` of `extent` source pixels becomes `size` output pixels. Parts of the span
 * outside of the image count in the normalisation but have no taps: they are black.
 */
export function tapsOf(span: Span, extent: number, size: number, filter: Filter): Taps {
  return filter === 'nearest' ? nearestTaps(span, extent, size) : filterTaps(span, extent, size, filters[filter]);
}

/**
 * Returns the pixels of the resized source that the output's pixels equal; undefined where the span does not mirror the
 * source.
 */
function mirroredPixels({ start, length, seesAround, reflect }: Span, extent: number, size: number) {
  if (!(seesAround && reflect)) return undefined;
  const scale = length / size;
  const [resized, first] = [Math.round(extent / scale), Math.round(start / scale)];
  return Int32Array.from({ length: size }, (_, i) => reflectIndex(first + i, resized));
}

interface Kernel {
  /** Half the width in output pixels. */
  support: number;
  at: (x: number) => number;
}

const filters: Record<Exclude<Filter, 'nearest'>, Kernel> = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: keysCubic },
};

function keysCubic(x: number): number {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

function emptyTaps(size: number, stride: number): Taps {
  return {
    first: new Int32Array(size),
    count: new Int32Array(size),
    weights: new Int32Array(size * stride),
    stride,
  };
}

function filterTaps(span: Span, extent: number, size: number, kernel: Kernel): Taps {
  const { start, length, seesAround, reversed } = span;
  const reflect = span.reflect && !seesAround;
  const mirrored = mirroredPixels(span, extent, size);
  const scale = length / size;
  const widening = Math.max(scale, 1);
  const support = kernel.support * widening;
  const taps = emptyTaps(size, 2 * Math.ceil(support) + 1);
  const seenFrom = seesAround ? 0 : Math.floor(start);
  const seenLength = (seesAround ? extent : Math.ceil(start + length)) - seenFrom;
  for (let i = 0; i < size; i++) {
    // From the first pixel that is seen, as Pillow counts.
    const center = mirrored ? (mirrored[i]! + 0.5) * scale : start - seenFrom + (i + 0.5) * scale;
    if (center <= 0 || center >= seenLength) continue; // outside of the image: black
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const to = Math.min(seenLength, Math.trunc(center + support + 0.5));
    const output = reversed ? size - 1 - i : i;
    fillTaps(taps, output, kernel.at, { from, to, center, widening }, { offset: seenFrom, extent, reflect });
  }
  return taps;
}

/** Returns the kernel at the source pixels of one output pixel. */
const values: number[] = [];

/** The normalised weights of one output pixel; those of pixels outside the image are left out, or mirrored into it. */
function fillTaps(
  taps: Taps,
  output: number,
  kernel: Kernel['at'],
  { from, to, center, widening }: { from: number; to: number; center: number; widening: number },
  { offset, extent, reflect }: { offset: number; extent: number; reflect: boolean },
): void {
  const toFilter = 1 / widening;
  let sum = 0;
  for (let pixel = from; pixel < to; pixel++) {
    const value = kernel((pixel - center + 0.5) * toFilter);
    values[pixel - from] = value;
    sum += value;
  }
  if (sum === 0) return;
  const weightOf = (pixel: number): number => roundAway((values[pixel - from]! / sum) * one);
  const inside = Math.max(from, -offset);
  const end = Math.min(to, extent - offset);
  if (reflect && (inside > from || end < to)) {
    fillReflected(taps, output, { from, to, offset, extent }, weightOf);
    return;
  }
  if (end <= inside) return;
  taps.first[output] = inside + offset;
  taps.count[output] = end - inside;
  for (let pixel = inside; pixel < end; pixel++) taps.weights[output * taps.stride + pixel - inside] = weightOf(pixel);
}

/** The weights of the pixels `from` … `to − 1` at the places that these have in the mirrored image. */
function fillReflected(
  taps: Taps,
  output: number,
  { from, to, offset, extent }: { from: number; to: number; offset: number; extent: number },
  weightOf: (pixel: number) => number,
): void {
  const places = Array.from({ length: to - from }, (_, k) => reflectIndex(from + k + offset, extent));
  const first = Math.min(...places);
  taps.first[output] = first;
  taps.count[output] = Math.max(...places) - first + 1;
  places.forEach((place, k) => {
    taps.weights[output * taps.stride + place - first]! += weightOf(from + k);
  });
}

/** The nearest integer, halves away from zero. */
function roundAway(x: number): number {
  return Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
}

function nearestTaps(span: Span, extent: number, size: number): Taps {
  const { start, length, reversed, reflect } = span;
  const taps = emptyTaps(size, 1);
  const mirrored = mirroredPixels(span, extent, size);
  for (let i = 0; i < size; i++) {
    const pixel = Math.floor((mirrored ? 0 : start) + (((mirrored ? mirrored[i]! : i) + 0.5) * length) / size);
    const source = reflect ? reflectIndex(pixel, extent) : pixel;
    if (source < 0 || source >= extent) continue;
    const output = reversed ? size - 1 - i : i;
    taps.first[output] = source;
    taps.count[output] = 1;
    taps.weights[output] = one;
  }
  return taps;
}

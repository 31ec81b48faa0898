/**
 * Pillow's resize as weights: which source pixels each output pixel of one axis sees, and how much of each. Pillow widens
 * the filter by the scale when it shrinks (so that it does not alias), normalises the weights of each output pixel, and
 * rounds them to 22 fractional bits; bicubic is Keys' kernel with a = −0.5.
 */
import type { Filter, Window } from './window.js';

/** One axis of a window: where it begins and how long it is, in source pixels. */
export interface Span {
  readonly start: number;
  readonly length: number;
  /** The filter may see the pixels around the span, as when a whole image is resized and then cropped. */
  readonly seesAround: boolean;
  /** Output pixels come in reverse order. */
  readonly reversed: boolean;
}

/** The weights of one axis: output pixel i sees `count[i]` source pixels from `first[i]` on. */
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
export function horizontalSpan({ x, width, flip, seesAround = false }: Window): Span {
  return { start: x, length: width, reversed: flip, seesAround };
}

/** The vertical axis of `window`. */
export function verticalSpan({ y, height, seesAround = false }: Window): Span {
  return { start: y, length: height, reversed: false, seesAround };
}

/**
 * The weights with which the part `span` of `extent` source pixels becomes `size` output pixels. Parts of the span outside
 * of the image count in the normalisation but have no taps: they are black.
 */
export function tapsOf(span: Span, extent: number, size: number, filter: Filter): Taps {
  return filter === 'nearest' ? nearestTaps(span, extent, size) : filterTaps(span, extent, size, filters[filter]);
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

function filterTaps({ start, length, seesAround, reversed }: Span, extent: number, size: number, kernel: Kernel): Taps {
  const scale = length / size;
  const widening = Math.max(scale, 1);
  const support = kernel.support * widening;
  const taps = emptyTaps(size, 2 * Math.ceil(support) + 1);
  const seenFrom = seesAround ? 0 : Math.floor(start);
  const seenLength = (seesAround ? extent : Math.ceil(start + length)) - seenFrom;
  for (let i = 0; i < size; i++) {
    const center = start - seenFrom + (i + 0.5) * scale; // from the first pixel that is seen, as Pillow counts
    if (center <= 0 || center >= seenLength) continue; // outside of the image: black
    const from = Math.max(0, Math.trunc(center - support + 0.5));
    const to = Math.min(seenLength, Math.trunc(center + support + 0.5));
    const output = reversed ? size - 1 - i : i;
    fillTaps(taps, output, kernel.at, { from, to, center, widening }, { offset: seenFrom, extent });
  }
  return taps;
}

/** The normalised weights of one output pixel, without those of pixels outside the image. */
function fillTaps(
  taps: Taps,
  output: number,
  kernel: Kernel['at'],
  { from, to, center, widening }: { from: number; to: number; center: number; widening: number },
  { offset, extent }: { offset: number; extent: number },
): void {
  const toFilter = 1 / widening;
  let sum = 0;
  for (let pixel = from; pixel < to; pixel++) sum += kernel((pixel - center + 0.5) * toFilter);
  const inside = Math.max(from, -offset);
  const count = Math.min(to, extent - offset) - inside;
  if (sum === 0 || count <= 0) return;
  taps.first[output] = inside + offset;
  taps.count[output] = count;
  for (let tap = 0; tap < count; tap++)
    taps.weights[output * taps.stride + tap] = roundAway(
      (kernel((inside + tap - center + 0.5) * toFilter) / sum) * one,
    );
}

/** The nearest integer, halves away from zero. */
function roundAway(x: number): number {
  return Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
}

function nearestTaps({ start, length, reversed }: Span, extent: number, size: number): Taps {
  const taps = emptyTaps(size, 1);
  for (let i = 0; i < size; i++) {
    const source = Math.floor(start + ((i + 0.5) * length) / size);
    if (source < 0 || source >= extent) continue;
    const output = reversed ? size - 1 - i : i;
    taps.first[output] = source;
    taps.count[output] = 1;
    taps.weights[output] = one;
  }
  return taps;
}

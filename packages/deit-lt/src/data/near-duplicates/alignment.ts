/**
 * How alike two small grey images are when one may be a part of the other: the correlation of their pixels, and of their details alone, in the
 * windows that fit best. A copy that was resized, compressed again or cropped a little keeps both; images that only share
 * their composition (sky above, ground below) share no details.
 */

/** Side of the thumbnails. */
export const thumbSize = 32;
/** Side of the windows when they are compared. */
const size = 24;
const area = size * size;

/** The largest part of a side that may be cropped from one of the two. */
const mostCropped = 0.16;

export interface Alignment {
  /** Correlation of the pixels, −1 … 1. */
  readonly whole: number;
  /** Correlation of what remains when the mean of the surrounding pixels is subtracted, −1 … 1. */
  readonly details: number;
}

/** Left, top, right, bottom: the part of the side that the second image shows and the first does not; negative: the reverse. */
type Shifts = [number, number, number, number];

const start: Readonly<Shifts> = [0, 0, 0, 0];
const steps = [1 / 16, 1 / 32, 1 / 64];

/**
 * Compares two thumbnails of 32 × 32 levels, row by row. Returns undefined, early, when no window has a correlation of `least`.
 */
export function align(first: Uint8Array, second: Uint8Array, least = -1): Alignment | undefined {
  const [a, b] = [new Float32Array(area), new Float32Array(area)];
  const cut = (shifts: Readonly<Shifts>): void => {
    const [left, top, right, bottom] = shifts;
    sample(first, [Math.max(0, -left), Math.max(0, -top), Math.max(0, -right), Math.max(0, -bottom)], a);
    sample(second, [Math.max(0, left), Math.max(0, top), Math.max(0, right), Math.max(0, bottom)], b);
  };
  const wholeAt = (shifts: Readonly<Shifts>): number => {
    cut(shifts);
    return correlation(a, b);
  };
  const detailsAt = (shifts: Readonly<Shifts>): number => {
    cut(shifts);
    return correlation(detailsOf(a), detailsOf(b));
  };
  const coarse = climb(wholeAt, start, steps);
  if (wholeAt(coarse) < least) return undefined;
  const fine = climb(detailsAt, coarse, steps.slice(1));
  return { whole: wholeAt(fine), details: detailsAt(fine) };
}

/** Moves one side at a time, in ever smaller steps, as long as `score` rises. */
function climb(score: (shifts: Readonly<Shifts>) => number, from: Readonly<Shifts>, by: readonly number[]): Shifts {
  const best: Shifts = [...from];
  let bestScore = score(best);
  const move = (sides: readonly number[], step: number): boolean => {
    const next: Shifts = [...best];
    // The right and the lower edge move outwards when the shift of the left and the upper one moves inwards.
    for (const side of sides) next[side]! += sides.length === 2 && side >= 2 ? -step : step;
    if (next.some((each) => Math.abs(each) > mostCropped)) return false;
    const found = score(next);
    if (found <= bestScore) return false;
    bestScore = found;
    best.splice(0, 4, ...next);
    return true;
  };
  for (const step of by)
    for (let isBetter = true; isBetter; ) {
      isBetter = false;
      for (const sides of [[0, 2], [1, 3], [0], [1], [2], [3]])
        for (const each of [step, -step]) if (move(sides, each)) isBetter = true;
    }
  return best;
}

interface Axis {
  readonly at: Int32Array;
  readonly share: Float32Array;
}

const [across, down]: [Axis, Axis] = [0, 1].map(() => ({
  at: new Int32Array(size),
  share: new Float32Array(size),
})) as [Axis, Axis];

/** Writes a window of the thumbnail, bilinear; `cropped` are the parts that are left out at its four sides. */
function sample(thumb: Uint8Array, [left, top, right, bottom]: Shifts, out: Float32Array): void {
  place(across, left, right);
  place(down, top, bottom);
  for (let y = 0, i = 0; y < size; y++) {
    const row = down.at[y]! * thumbSize;
    const v = down.share[y]!;
    for (let x = 0; x < size; x++, i++) {
      const p = row + across.at[x]!;
      const u = across.share[x]!;
      const upper = thumb[p]! + u * (thumb[p + 1]! - thumb[p]!);
      const lower = thumb[p + thumbSize]! + u * (thumb[p + thumbSize + 1]! - thumb[p + thumbSize]!);
      out[i] = upper + v * (lower - upper);
    }
  }
}

function place({ at, share }: Axis, from: number, until: number): void {
  for (let i = 0; i < size; i++) {
    const x = (from + ((i + 0.5) / size) * (1 - from - until)) * thumbSize - 0.5;
    const inside = Math.min(Math.max(x, 0), thumbSize - 1.001);
    at[i] = Math.floor(inside);
    share[i] = inside - at[i]!;
  }
}

/** Side of the surroundings: 5 × 5. */
const around = 2;

/** The image minus the mean of the 5 × 5 pixels around each; nearer to the edge, of those that exist. */
function detailsOf(values: Float32Array): Float32Array {
  const rows = new Float32Array(area);
  const out = new Float32Array(area);
  for (let y = 0; y < size; y++) mean(values, rows, y * size, 1);
  for (let x = 0; x < size; x++) mean(rows, out, x, size);
  for (let i = 0; i < area; i++) out[i] = values[i]! - out[i]!;
  return out;
}

function mean(values: Float32Array, out: Float32Array, from: number, stride: number): void {
  for (let i = 0; i < size; i++) {
    const [first, last] = [Math.max(0, i - around), Math.min(size - 1, i + around)];
    let sum = 0;
    for (let k = first; k <= last; k++) sum += values[from + k * stride]!;
    out[from + i * stride] = sum / (last - first + 1);
  }
}

/** Pearson's correlation; 0 where one of the two is even. */
function correlation(a: Float32Array, b: Float32Array): number {
  let [meanA, meanB] = [0, 0];
  for (let i = 0; i < area; i++) {
    meanA += a[i]!;
    meanB += b[i]!;
  }
  meanA /= area;
  meanB /= area;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < area; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}

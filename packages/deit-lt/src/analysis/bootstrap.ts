/**
 * Intervals of accuracies over test images of the same classes, by the bootstrap (B. Efron, "Bootstrap
 * methods: another look at the jackknife", Annals of Statistics, 1979), within each class, because a test set has a number
 * of images of each class by design. Several series of values of the same images are resampled together, so that
 * differences between them are paired.
 */
import type { Interval } from '../evaluation/intervals.js';
import { type RandomStream, stream } from '../random/stream.js';

/** Values of N images in S series: whether a model was right (0 or 1), or how often one of several was. */
export interface SampledValues {
  /** Row by row, N · S. */
  readonly values: Float32Array;
  readonly series: number;
  /** The class of each of the N images. */
  readonly labels: Int32Array;
  readonly numClasses: number;
  /**
   * Stratum of each class; null for a class that is resampled by itself. A class with few images has hardly a variance of its own to draw
   * from (one image has none), so classes of the same stratum draw differences from the stratum's mean instead, around their
   * own: collapsed strata (W. G. Cochran, "Sampling techniques", 1977, 5A.12). Intervals become rather too wide than too
   * narrow. Default: all null.
   */
  readonly strata?: readonly (number | null)[];
}

export interface ResampleOptions {
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 0. */
  readonly seed?: number;
}

export const defaultResamples = 2000;

/** Sums of each class: that of class c in series s is at c · S + s. */
export function classSums({ values, series, labels, numClasses }: SampledValues): Float64Array {
  const sums = new Float64Array(numClasses * series);
  labels.forEach((label, i) => {
    for (let s = 0; s < series; s++) sums[label * series + s]! += values[i * series + s]!;
  });
  return sums;
}

/**
 * Weighted sums over the classes, `figures` for each series: to figure f, class c adds `weightOf(c, s, f)` times its sum in
 * series s. An accuracy over images and the mean accuracy of some classes are such.
 */
export interface WeightedFigures {
  readonly figures: number;
  readonly weightOf: (c: number, s: number, figure: number) => number;
}

/**
 * Draws as many images of each class as it has, with putting back, `resamples` times, and returns the figures of what was
 * drawn: figure f of series s has a column of all resamples, the one with the number s · figures + f. Each class has a
 * stream of random numbers of its own.
 */
export function resampleFigures(
  sampled: SampledValues,
  { figures, weightOf }: WeightedFigures,
  { resamples = defaultResamples, seed = 0 }: ResampleOptions = {},
): Float64Array[] {
  const { series, numClasses } = sampled;
  const columns = (count: number): Float64Array[] => Array.from({ length: count }, () => new Float64Array(resamples));
  const [totals, sums] = [columns(series * figures), columns(series)];
  const fixed = new Float64Array(series * figures);
  const { values, starts } = sortedByClass(sampled);
  const rowsOf = (c: number): Float32Array => values.subarray(starts[c]! * series, starts[c + 1]! * series);
  const pools = poolsOf(sampled, rowsOf);
  for (let c = 0; c < numClasses; c++) {
    const rows = rowsOf(c);
    const pool = rows.length === 0 ? undefined : pools.get(sampled.strata?.[c] ?? null);
    if (pool !== undefined) {
      drawDeviations({ rows, series }, pool, stream(seed, 'bootstrap', c), sums);
      addToFigures(totals, figures, (s, figure) => weightOf(c, s, figure), sums);
      continue;
    }
    const sure = sumsOfEqualRows(rows, series);
    if (sure === undefined) drawSums({ rows, series }, stream(seed, 'bootstrap', c), sums);
    if (sure === undefined) addToFigures(totals, figures, (s, figure) => weightOf(c, s, figure), sums);
    else
      fixed.forEach((_, column) => {
        const s = Math.floor(column / figures);
        fixed[column]! += weightOf(c, s, column % figures) * sure[s]!;
      });
  }
  for (const [column, total] of totals.entries()) for (let r = 0; r < resamples; r++) total[r]! += fixed[column]!;
  return totals;
}

/** Row by row, class after class; those of class c begin with row `starts[c]`. */
function sortedByClass({ values, series, labels, numClasses }: SampledValues): {
  values: Float32Array;
  starts: Int32Array;
} {
  const starts = new Int32Array(numClasses + 1);
  for (const label of labels) starts[label + 1]!++;
  for (let c = 0; c < numClasses; c++) starts[c + 1]! += starts[c]!;
  const next = starts.slice();
  const sorted = new Float32Array(values.length);
  labels.forEach((label, i) => {
    sorted.set(values.subarray(i * series, (i + 1) * series), series * next[label]!++);
  });
  return { values: sorted, starts };
}

/** Returns the sums of a class for which all resamples are equal; undefined for other classes. */
function sumsOfEqualRows(rows: Float32Array, series: number): Float64Array | undefined {
  if (rows.some((value, i) => value !== rows[i % series])) return undefined;
  return Float64Array.from({ length: series }, (_, s) => ((rows[s] ?? 0) * rows.length) / series);
}

/** Values of the images of one class, row by row. */
interface ClassValues {
  readonly rows: Float32Array;
  readonly series: number;
}

/** Classes with fewer outcomes than this: one of them is drawn, not an image after the other. */
const mostOutcomes = 256;

/** Fills the columns `sums`, one for each series, with the sums of what is drawn in each resample. */
function drawSums(of: ClassValues, random: RandomStream, sums: readonly Float64Array[]): void {
  const images = of.rows.length / of.series;
  if (images ** images <= mostOutcomes) drawOutcomes(of, random, sums);
  else drawImages(of, random, sums);
}

function drawOutcomes({ rows, series }: ClassValues, random: RandomStream, sums: readonly Float64Array[]): void {
  const images = rows.length / series;
  const numbers = numbersBelow(images ** images, new Uint32Array(sums[0]!.length), random);
  sums.forEach((sum, s) => {
    const outcomes = outcomeSums(rows.filter((_, i) => i % series === s));
    for (let r = 0; r < sum.length; r++) sum[r] = outcomes[numbers[r]!]!;
  });
}

/** The sums of all sequences of as many draws as there are values. */
function outcomeSums(values: Float32Array): Float64Array {
  const { length } = values;
  const sums = new Float64Array(length ** length);
  for (let outcome = 0; outcome < sums.length; outcome++)
    for (let n = 0, rest = outcome; n < length; n++, rest = Math.floor(rest / length))
      sums[outcome]! += values[rest % length]!;
  return sums;
}

function drawImages({ rows, series }: ClassValues, random: RandomStream, sums: readonly Float64Array[]): void {
  const drawn = new Uint32Array(rows.length / series);
  for (let r = 0; r < sums[0]!.length; r++) {
    numbersBelow(drawn.length, drawn, random);
    for (let s = 0; s < series; s++) {
      let sum = 0;
      for (let n = 0; n < drawn.length; n++) sum += rows[drawn[n]! * series + s]!;
      sums[s]![r] = sum;
    }
  }
}

/** Fills `numbers` with integers in [0, n); none is likelier than another by more than n / 2³². */
function numbersBelow(n: number, numbers: Uint32Array, random: RandomStream): Uint32Array {
  random.fill(numbers);
  for (let i = 0; i < numbers.length; i++) numbers[i] = numbers[i]! * (n / 0x100000000);
  return numbers;
}

function addToFigures(
  totals: readonly Float64Array[],
  figures: number,
  weightOf: (s: number, figure: number) => number,
  sums: readonly Float64Array[],
): void {
  totals.forEach((total, column) => {
    const s = Math.floor(column / figures);
    const weight = weightOf(s, column % figures);
    if (weight !== 0) addTimes(total, weight, sums[s]!);
  });
}

/** The rows of each stratum, class after class. A stratum of a single image takes those of all classes. */
function poolsOf(
  { strata = [], values, series }: SampledValues,
  rowsOf: (c: number) => Float32Array,
): Map<number | null, Float32Array> {
  const pools = new Map<number | null, Float32Array>();
  for (const stratum of new Set(strata)) {
    if (stratum === null) continue;
    const rows = strata.flatMap((of, c) => (of === stratum ? [rowsOf(c)] : []));
    const joined = new Float32Array(rows.reduce((length, of) => length + of.length, 0));
    let at = 0;
    for (const of of rows) {
      joined.set(of, at);
      at += of.length;
    }
    pools.set(stratum, joined.length > series ? joined : values);
  }
  return pools;
}

/** Fills `sums` with the class's own sum and as many differences from the pool's mean as the class has images. */
function drawDeviations(
  { rows, series }: ClassValues,
  pool: Float32Array,
  random: RandomStream,
  sums: readonly Float64Array[],
): void {
  const images = rows.length / series;
  const [own, mean] = [rows, pool].map((of) => columnSums(of, series)) as [Float64Array, Float64Array];
  const pooled = pool.length / series;
  const drawn = new Uint32Array(images);
  for (let r = 0; r < sums[0]!.length; r++) {
    numbersBelow(pooled, drawn, random);
    for (let s = 0; s < series; s++) {
      let sum = own[s]! - (images * mean[s]!) / pooled;
      for (let n = 0; n < images; n++) sum += pool[drawn[n]! * series + s]!;
      sums[s]![r] = sum;
    }
  }
}

function columnSums(rows: Float32Array, series: number): Float64Array {
  const sums = new Float64Array(series);
  rows.forEach((value, i) => {
    sums[i % series]! += value;
  });
  return sums;
}

function addTimes(total: Float64Array, weight: number, values: Float64Array): void {
  for (let r = 0; r < total.length; r++) total[r]! += weight * values[r]!;
}

/** The middle `level` of `values`, between percentiles that are interpolated linearly (NumPy's default). Default 0.95. */
export function percentileInterval(values: ArrayLike<number>, level = 0.95): Interval {
  const sorted = Float64Array.from(values).sort();
  return { low: quantile(sorted, (1 - level) / 2), high: quantile(sorted, (1 + level) / 2) };
}

function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place - Math.floor(place));
}

/** The sample's standard deviation, with n − 1; NaN for fewer than two values. */
export function standardDeviation(values: readonly number[]): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return values.length < 2 ? Number.NaN : Math.sqrt(squares / (values.length - 1));
}

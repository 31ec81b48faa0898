/**
 * How far figures of a test set would move with other images of the same classes: the bootstrap (B. Efron, "Bootstrap
 * methods: another look at the jackknife", Annals of Statistics, 1979), within each class, because a test set has a number
 * of images of each class by design. Several series of values of the same images are resampled together, so that
 * differences between them are paired.
 */
import { stream } from '../random/stream.js';

/** Values of N images in S series: whether a model was right (0 or 1), or how often one of several was. */
export interface SampledValues {
  /** Row by row, N · S. */
  readonly values: Float32Array;
  readonly series: number;
  /** The class of each of the N images. */
  readonly labels: Int32Array;
  readonly numClasses: number;
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
 * Draws as many images of each class as it has, with putting back, and hands the `classSums` of what was drawn to `take`,
 * `resamples` times. `take` must not keep the array.
 */
export function resampleClasses(
  sampled: SampledValues,
  { resamples = defaultResamples, seed = 0 }: ResampleOptions,
  take: (sums: Float64Array, resample: number) => void,
): void {
  const { values, series, numClasses } = sampled;
  const members = imagesOfClasses(sampled);
  const sums = new Float64Array(numClasses * series);
  for (let r = 0; r < resamples; r++) {
    const random = stream(seed, 'bootstrap', r);
    sums.fill(0);
    members.forEach((ids, c) => {
      for (let n = ids.length; n > 0; n--) {
        const row = ids[random.int(ids.length)]! * series;
        for (let s = 0; s < series; s++) sums[c * series + s]! += values[row + s]!;
      }
    });
    take(sums, r);
  }
}

function imagesOfClasses({ labels, numClasses }: Pick<SampledValues, 'labels' | 'numClasses'>): number[][] {
  const members: number[][] = Array.from({ length: numClasses }, () => []);
  labels.forEach((label, i) => {
    members[label]!.push(i);
  });
  return members;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
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

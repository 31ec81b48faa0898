/** The mean over a few trainings with different seeds, and its interval by Student's t distribution. */
import type { Interval } from '../../evaluation/intervals.js';

export interface Estimate {
  /** Null when a value is missing. */
  readonly mean: number | null;
  /** 95 % interval of the mean, `mean ± t · s / √n`; null for fewer than two values. */
  readonly interval: Interval | null;
}

/** Quantiles of order 0.975 of Student's t distribution with 1, 2, … 30 degrees of freedom. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** From 31 degrees of freedom on: that of 30, which is slightly too wide. */
const last = quantiles.at(-1)!;

/** Returns mean and interval of `values`, one for each seed. */
export function estimateOf(values: readonly (number | null)[]): Estimate {
  const known = values.filter((value) => value !== null);
  if (known.length < values.length || known.length === 0) return { mean: null, interval: null };
  const n = known.length;
  const mean = known.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, interval: null };
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = (quantiles[n - 2] ?? last) * Math.sqrt(variance / n);
  return { mean, interval: { low: mean - half, high: mean + half } };
}

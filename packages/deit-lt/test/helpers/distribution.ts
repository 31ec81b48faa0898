/**
 * Tests of distributions at fixed seeds: Kolmogorov–Smirnov for numbers, χ² for counts. Each throws when chance alone
 * would give what was found in fewer than one of a thousand cases; with fixed seeds the answer is always the same.
 */
import assert from 'node:assert/strict';
import { type RandomStream, stream } from '../../src/random/stream.js';

/** What `draw` gives for the samples 0 … n − 1, each from its own stream, as a loader draws. */
export function drawMany<T>(n: number, draw: (random: RandomStream) => T, seed = 1): T[] {
  return Array.from({ length: n }, (_, i) => draw(stream(seed, 'augment', 0, i)));
}

/** The distribution function of numbers that are uniform from `low` to `high`. */
export const uniformCdf = (low: number, high: number) => (x: number) =>
  Math.min(1, Math.max(0, (x - low) / (high - low)));

/** The same, uniform in the logarithm. */
export const logUniformCdf = (low: number, high: number) => (x: number) =>
  uniformCdf(Math.log(low), Math.log(high))(Math.log(x));

/** Kolmogorov–Smirnov against the distribution function `cdf` of continuous numbers. */
export function assertDistributed(values: readonly number[], cdf: (x: number) => number, what: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  const distance = sorted.reduce((worst, x, i) => Math.max(worst, cdf(x) - i / n, (i + 1) / n - cdf(x)), 0);
  const limit = 1.95 / Math.sqrt(n);
  assert.ok(n > 100 && distance < limit, `${what}: distance ${distance} of ${n} numbers is not below ${limit}`);
}

/**
 * χ² of counts against shares that sum to 1; outcomes expected fewer than five times are taken together. An outcome that
 * has no share must not occur.
 */
export function assertCounts<K>(counts: ReadonlyMap<K, number>, shares: ReadonlyMap<K, number>, what: string): void {
  const n = [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (const outcome of counts.keys()) assert.ok(shares.has(outcome), `${what}: ${String(outcome)} cannot occur`);
  const cells: { found: number; expected: number }[] = [];
  const rare = { found: 0, expected: 0 };
  for (const [outcome, share] of shares) {
    const cell = { found: counts.get(outcome) ?? 0, expected: n * share };
    if (cell.expected >= 5) cells.push(cell);
    else {
      rare.found += cell.found;
      rare.expected += cell.expected;
    }
  }
  if (rare.expected > 0) cells.push(rare);
  const chi2 = cells.reduce((sum, { found, expected }) => sum + (found - expected) ** 2 / expected, 0);
  const limit = chi2Limit(cells.length - 1);
  assert.ok(chi2 < limit, `${what}: χ² ${chi2} of ${cells.length} cells is not below ${limit}`);
}

/** χ² of outcomes that are equally likely, each of which is one of `outcomes`. */
export function assertEven<K>(values: readonly K[], outcomes: readonly K[], what: string): void {
  assertCounts(countsOf(values), new Map(outcomes.map((outcome) => [outcome, 1 / outcomes.length])), what);
}

/** How often something that is true with probability `p` was true. */
export function assertShare(values: readonly boolean[], p: number, what: string): void {
  const shares = new Map([
    [true, p],
    [false, 1 - p],
  ]);
  assertCounts(countsOf(values), shares, what);
}

/** How often each value occurs. */
export function countsOf<K>(values: readonly K[]): Map<K, number> {
  const counts = new Map<K, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

/** The 99.9 % quantile of χ² (Wilson and Hilferty 1931). */
function chi2Limit(freedom: number): number {
  const spread = 2 / (9 * freedom);
  return freedom * (1 - spread + 3.09 * Math.sqrt(spread)) ** 3;
}

/** Resampling against the law that it has: hits of a class are binomial; and NumPy's percentiles. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { classSums, percentileInterval, resampleClasses, type SampledValues, standardDeviation } from './bootstrap.js';

/** `counts[c]` images of class c, of which the first `right[c]` were right. */
function sample(counts: readonly number[], right: readonly number[]): SampledValues {
  const labels = Int32Array.from(counts.flatMap((n, c) => new Array<number>(n).fill(c)));
  const values = Float32Array.from(
    counts.flatMap((n, c) => Array.from({ length: n }, (_, i) => (i < right[c]! ? 1 : 0))),
  );
  return { values, series: 1, labels, numClasses: counts.length };
}

/** P(X ≤ k) of a binomial with `n` trials. */
function binomialCdf(k: number, n: number, p: number): number {
  let [term, sum] = [(1 - p) ** n, (1 - p) ** n];
  for (let i = 1; i <= k; i++) {
    term *= ((n - i + 1) / i) * (p / (1 - p));
    sum += term;
  }
  return sum;
}

suite('resampleClasses()', () => {
  test('gives each class its number of images, and hits that are binomial', () => {
    const sampled = sample([100, 0, 40], [80, 0, 10]);
    const hits: number[][] = [[], [], []];
    resampleClasses(sampled, { resamples: 4000 }, (sums) => {
      for (const [c, of] of hits.entries()) of.push(sums[c]!);
    });
    assert.ok(hits[1]!.every((sum) => sum === 0));
    for (const [c, n, p] of [
      [0, 100, 0.8],
      [2, 40, 0.25],
    ] as const)
      for (const k of [0.025, 0.25, 0.5, 0.75, 0.975].map((share) => Math.round(n * p + (share - 0.5) * n * 0.2))) {
        const share = hits[c]!.filter((sum) => sum <= k).length / 4000;
        assert.ok(
          Math.abs(share - binomialCdf(k, n, p)) < 4 * Math.sqrt(0.25 / 4000),
          `class ${c}: P(hits ≤ ${k}) is ${share}`,
        );
      }
  });

  test('draws the same images for all series, and the same in every call', () => {
    const { values, ...of } = sample([30, 20], [15, 5]);
    const twice = { ...of, series: 2, values: Float32Array.from({ length: 100 }, (_, i) => values[i >> 1]!) };
    const seen: number[][] = [[], []];
    for (const call of seen)
      resampleClasses(twice, { resamples: 5, seed: 3 }, (sums) => {
        assert.deepEqual([sums[0], sums[2]], [sums[1], sums[3]]);
        call.push(...sums);
      });
    assert.deepEqual(seen[1], seen[0]);
    assert.ok(new Set(seen[0]).size > 2);
  });
});

suite('classSums()', () => {
  test('adds up each class', () => assert.deepEqual([...classSums(sample([3, 2], [2, 1]))], [2, 1]));
});

suite('percentileInterval()', () => {
  test('interpolates as numpy.percentile does: np.percentile([3, 1, 4, 1, 5, 9, 2, 6], [2.5, 97.5])', () => {
    const { low, high } = percentileInterval([3, 1, 4, 1, 5, 9, 2, 6]);
    assert.ok(Math.abs(low - 1) < 1e-12 && Math.abs(high - 8.475) < 1e-12, `${low} ${high}`);
  });
});

suite('standardDeviation()', () => {
  test('divides by n − 1, and has no value for one number', () => {
    assert.ok(Math.abs(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9]) - 2.138089935299395) < 1e-12);
    assert.ok(Number.isNaN(standardDeviation([1])));
  });
});

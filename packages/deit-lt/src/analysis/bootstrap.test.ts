/** Resampling against the law that it has: hits of a class are binomial; and NumPy's percentiles. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { classSums, percentileInterval, resampleFigures, type SampledValues, standardDeviation } from './bootstrap.js';

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

/** A figure for each class: its hits. */
const hitsOfClasses = (classes: number) => ({
  figures: classes,
  weightOf: (c: number, _: number, figure: number) => (c === figure ? 1 : 0),
});

/** P(X ≤ k) as drawn and by the law, at places around the mean. */
function assertBinomial(hits: Float64Array, n: number, p: number): void {
  for (const k of [0.025, 0.25, 0.5, 0.75, 0.975].map((share) => Math.round(n * p + (share - 0.5) * n * 0.2))) {
    const share = hits.filter((sum) => sum <= k).length / hits.length;
    const isNear = Math.abs(share - binomialCdf(k, n, p)) < 4 * Math.sqrt(0.25 / hits.length);
    assert.ok(isNear, `P(hits ≤ ${k}) of ${n} is ${share}`);
  }
}

suite('resampleFigures()', () => {
  test('gives each class its number of images, and hits that are binomial', () => {
    const sampled = sample([100, 0, 40, 3, 2], [80, 0, 10, 2, 2]);
    const hits = resampleFigures(sampled, hitsOfClasses(5), { resamples: 4000 });
    assertBinomial(hits[0]!, 100, 0.8);
    assert.ok(hits[1]!.every((sum) => sum === 0));
    assertBinomial(hits[2]!, 40, 0.25);
    assertBinomial(hits[3]!, 3, 2 / 3);
    assert.ok(hits[4]!.every((sum) => sum === 2));
  });

  test('adds up the classes by their weights', () => {
    const sampled = sample([100, 3, 2], [80, 2, 2]);
    const [a, b, c] = resampleFigures(sampled, hitsOfClasses(3), { resamples: 50 });
    const [figure] = resampleFigures(sampled, { figures: 1, weightOf: (of) => 2 ** of }, { resamples: 50 });
    assert.deepEqual(
      figure,
      a!.map((hits, r) => hits + 2 * b![r]! + 4 * c![r]!),
    );
  });

  test('draws the same images for all series, and the same in every call', () => {
    const { values, ...of } = sample([30, 20, 3], [15, 5, 1]);
    const twice = { ...of, series: 2, values: Float32Array.from({ length: 106 }, (_, i) => values[i >> 1]!) };
    const draw = (): Float64Array[] => resampleFigures(twice, hitsOfClasses(3), { resamples: 5, seed: 3 });
    const [once, again] = [draw(), draw()];
    assert.deepEqual(once.slice(0, 3), once.slice(3));
    assert.deepEqual(again, once);
    assert.ok(new Set(once[0]).size > 2);
    const other = resampleFigures(twice, hitsOfClasses(3), { resamples: 5, seed: 4 });
    assert.notDeepEqual(other, once);
  });
});

suite('resampleFigures() of strata', () => {
  /** Classes of one image each, of which the first `right` are right. */
  const single = (classes: number, right: number): SampledValues => {
    const counts = new Array<number>(classes).fill(1);
    return sample(
      counts,
      counts.map((_, c) => Number(c < right)),
    );
  };
  const hits = { figures: 1, weightOf: () => 1 };

  test('gives classes of one image the spread of their stratum, around their own sum', () => {
    const strata = new Array<number>(100).fill(0);
    const [drawn] = resampleFigures({ ...single(100, 30), strata }, hits, { resamples: 4000 });
    assertBinomial(drawn!.map(Math.round), 100, 0.3);
    const [without] = resampleFigures(single(100, 30), hits, { resamples: 10 });
    assert.ok(
      without!.every((sum) => sum === 30),
      'each class has a single outcome of its own',
    );
  });

  test('leaves other classes as they were, and lends a stratum of one image the spread of all', () => {
    const sampled = sample([100, 1], [80, 1]);
    const figures = hitsOfClasses(2);
    const [large, small] = resampleFigures({ ...sampled, strata: [null, 2] }, figures, { resamples: 2000 });
    const [alone] = resampleFigures(sampled, figures, { resamples: 2000 });
    assert.deepEqual(large, alone);
    assert.ok(new Set(small).size === 2);
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

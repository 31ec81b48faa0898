/** Wilson's interval against published values, and the share of intervals of means that have the true value in them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stream } from '../random/stream.js';
import { weightedInterval, wilsonInterval } from './intervals.js';

suite('wilsonInterval()', () => {
  // R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine, 1998, table I.
  for (const [hits, n, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const)
    test(`${hits} of ${n}: as published`, () => {
      const found = wilsonInterval(hits, n);
      assert.ok(Math.abs(found.low - low) < 5e-5 && Math.abs(found.high - high) < 5e-5, JSON.stringify(found));
    });

  test('of all hits ends at 1, also with one image', () => {
    assert.deepEqual([wilsonInterval(1, 1).high, wilsonInterval(7, 7).high], [1, 1]);
    assert.ok(wilsonInterval(1, 1).low < 0.21);
  });
});

suite('weightedInterval()', () => {
  test('of one class is Wilson’s', () => {
    const [found, expected] = [weightedInterval([9, 29], [5, 1], [0, 1]), wilsonInterval(1, 29)];
    assert.ok(Math.abs(found.low - expected.low) < 1e-12 && Math.abs(found.high - expected.high) < 1e-12);
  });

  /** Images and true accuracy of class c of 30. */
  const sets: readonly (readonly [what: string, images: (c: number) => number, truth: (c: number) => number])[] = [
    ['one image each', () => 1, (c) => 0.15 + (0.7 * c) / 29],
    ['one to five images', (c) => 1 + (c % 5), (c) => 0.15 + (0.7 * c) / 29],
    ['200 images, and of one by turns', (c) => (c % 2 === 0 ? 200 : 1), (c) => (c % 2 === 0 ? 0.9 : 0.3)],
    ['200 images, and one of a single one', (c) => (c === 0 ? 1 : 200), (c) => (c === 0 ? 0.5 : 0.97)],
    ['30 images that are mostly right', () => 30, () => 0.97],
    ['few images that are mostly wrong', (c) => 1 + (c % 3), () => 0.04],
    ['a long tail', (c) => Math.max(1, Math.round(300 * 0.8 ** c)), (c) => 0.9 - (0.8 * c) / 29],
  ];
  for (const [what, images, truth] of sets)
    test(`has the true mean of 30 classes of ${what} in at least 94 % of 2,000 samples`, () => {
      const counts = Array.from({ length: 30 }, (_, c) => images(c));
      const mean = counts.reduce((sum, _, c) => sum + truth(c) / 30, 0);
      const random = stream(0, 'draw');
      const draw = (n: number, c: number): number =>
        Array.from({ length: n }, () => Number(random.random() < truth(c))).reduce((a, b) => a + b, 0);
      let inside = 0;
      for (let sample = 0; sample < 2000; sample++) {
        const { low, high } = weightedInterval(counts, counts.map(draw), new Array<number>(30).fill(1 / 30));
        if (low <= mean && mean <= high) inside++;
      }
      assert.ok(inside >= 0.94 * 2000, `${inside} of 2000`);
    });
});

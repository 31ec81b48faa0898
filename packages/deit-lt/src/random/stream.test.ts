/** The streams: repeatable, apart from each other, and with the right distributions. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Purpose, purposes, RandomStream, stream } from './stream.js';

const draws = (count: number, draw: () => number): number[] => Array.from({ length: count }, draw);
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const variance = (xs: readonly number[]): number => mean(xs.map((x) => (x - mean(xs)) ** 2));

/** `value` within four standard errors, so that a right generator fails once in 16,000 seeds; the seed is fixed. */
function assertMean(xs: readonly number[], expected: number, deviation: number): void {
  const error = Math.abs(mean(xs) - expected) / (deviation / Math.sqrt(xs.length));
  assert.ok(error < 4, `mean ${mean(xs)}, expected ${expected}: off by ${error} standard errors`);
}

suite('stream()', () => {
  test('gives the same numbers each time', () => {
    const numbers = () =>
      draws(
        5,
        (
          (random) => () =>
            random.uint32()
        )(stream(1, 'augment', 2, 3)),
      );
    assert.deepEqual(numbers(), numbers());
  });

  test('keeps to its numbers over versions: runs must stay repeatable', () => {
    const random = stream(0, 'augment');
    assert.deepEqual(
      draws(3, () => random.uint32()),
      [2320415599, 410593929, 4116624234],
    );
  });

  test('fills arrays with the values of single calls, and continues after them', () => {
    const [one, other] = [stream(7, 'draw'), stream(7, 'draw')];
    const filled = new Uint32Array(20);
    one.fill(filled);
    assert.deepEqual(
      [...filled, one.uint32()],
      draws(21, () => other.uint32()),
    );
  });

  test('gives every seed, purpose, epoch and sample different numbers', () => {
    const seen = new Set<number>();
    let count = 0;
    for (const purpose of Object.keys(purposes) as Purpose[])
      for (let seed = 0; seed < 5; seed++)
        for (let epoch = 0; epoch < 5; epoch++)
          for (let sample = 0; sample < 50; sample++, count++) seen.add(stream(seed, purpose, epoch, sample).random());
    assert.equal(seen.size, count);
  });

  test('has neighbouring samples without correlation', () => {
    const first = draws(
      4000,
      (
        (i) => () =>
          stream(0, 'augment', 0, i++).random()
      )(0),
    );
    const products = first.slice(1).map((x, i) => (x - 0.5) * (first[i]! - 0.5));
    assertMean(first, 0.5, Math.sqrt(1 / 12));
    assertMean(products, 0, 1 / 12);
  });

  test('distinguishes samples far above 2^21', () => {
    const samples = [2 ** 31, 2 ** 31 + 1, 2 ** 31 + 2, 2 ** 31 + 3];
    assert.equal(new Set(samples.map((sample) => stream(0, 'augment', 0, sample).random())).size, samples.length);
  });
});

suite('RandomStream', () => {
  const random = new RandomStream(1, 2, 3);
  const n = 20_000;

  test('random() is uniform in [0, 1)', () => {
    const xs = draws(n, () => random.random());
    assert.ok(xs.every((x) => x >= 0 && x < 1));
    assertMean(xs, 0.5, Math.sqrt(1 / 12));
    assertMean(
      xs.map((x) => (x - 0.5) ** 2),
      1 / 12,
      Math.sqrt(1 / 180),
    );
  });

  test('int() gives each number equally often', () => {
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < n; i++) counts[random.int(7)]!++;
    const chiSquare = counts.reduce((sum, count) => sum + (count - n / 7) ** 2 / (n / 7), 0);
    assert.ok(chiSquare < 22.5, `chi-square ${chiSquare} with 6 degrees of freedom`); // the 0.1 % point
  });

  test('chance() is true with the given probability', () => {
    assertMean(
      draws(n, () => (random.chance(0.3) ? 1 : 0)),
      0.3,
      Math.sqrt(0.21),
    );
    assert.equal(random.chance(0), false);
    assert.equal(random.chance(1), true);
  });

  test('normal() has mean 0, variance 1 and light tails', () => {
    const xs = draws(n, () => random.normal());
    assertMean(xs, 0, 1);
    assertMean(
      xs.map((x) => x ** 2),
      1,
      Math.sqrt(2),
    );
    assertMean(
      xs.map((x) => x ** 4),
      3,
      Math.sqrt(96),
    );
  });

  for (const shape of [0.4, 1, 3.5])
    test(`gamma(${shape}) has mean and variance ${shape}`, () => {
      const xs = draws(n, () => random.gamma(shape));
      assertMean(xs, shape, Math.sqrt(shape));
      assert.ok(Math.abs(variance(xs) / shape - 1) < 0.1);
    });

  for (const [a, b] of [
    [0.8, 0.8],
    [1, 1],
    [0.5, 2],
  ] as const)
    test(`beta(${a}, ${b}) has its mean and variance`, () => {
      const xs = draws(n, () => random.beta(a, b));
      const spread = (a * b) / ((a + b) ** 2 * (a + b + 1));
      assertMean(xs, a / (a + b), Math.sqrt(spread));
      assert.ok(Math.abs(variance(xs) / spread - 1) < 0.1);
    });

  test('shuffle() gives each order equally often', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < n; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    const expected = n / 24;
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.equal(counts.size, 24);
    assert.ok(chiSquare < 49.7, `chi-square ${chiSquare} with 23 degrees of freedom`); // the 0.1 % point
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { classCounts, type Dataset } from './dataset.js';
import { longTailCounts, longTailIndices, makeLongTail } from './long-tail.js';

/** `counts[c]` images of class c, the classes taking turns. */
function labelsOf(counts: readonly number[]): Int32Array {
  const labels: number[] = [];
  for (let i = 0; i < Math.max(...counts); i++)
    counts.forEach((count, c) => {
      if (i < count) labels.push(c);
    });
  return Int32Array.from(labels);
}

suite('longTailCounts()', () => {
  test('falls from the largest class to the largest divided by the ratio', () => {
    assert.deepEqual([...longTailCounts(500, 5, 16, 'exp')], [500, 250, 125, 62, 31]);
    assert.deepEqual([...longTailCounts(500, 5, 10, 'step')], [500, 500, 50, 50, 50]);
  });

  test('is balanced for a ratio of 1, and has one class for one', () => {
    assert.deepEqual([...longTailCounts(30, 3, 1, 'exp')], [30, 30, 30]);
    assert.deepEqual([...longTailCounts(30, 1, 100, 'exp')], [30]);
    assert.deepEqual([...longTailCounts(30, 1, 100, 'step')], [30]);
  });
});

suite('longTailIndices()', () => {
  const labels = labelsOf([40, 40, 40, 40]);

  test('keeps different images for each class, seed by seed', () => {
    const ids = longTailIndices(labels, 4, { ratio: 8 });
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(
      [
        ...classCounts(
          ids.map((id) => labels[id]!),
          4,
        ),
      ],
      [40, 20, 10, 5],
    );
    assert.deepEqual(longTailIndices(labels, 4, { ratio: 8 }), ids);
    assert.notDeepEqual(longTailIndices(labels, 4, { ratio: 8, seed: 1 }), ids);
  });

  test('takes as many images as unequal classes allow', () => {
    const ids = longTailIndices(labelsOf([90, 40, 25]), 3, { ratio: 4 });
    assert.equal(
      classCounts(
        ids.map((id) => labelsOf([90, 40, 25])[id]!),
        3,
      )[0],
      81,
    ); // class 1 keeps int(81 / 2) = 40
  });

  test('names the class that has too few images', () => {
    const options = { ratio: 4, largest: 90, classNames: ['dog', 'cat', 'owl'] };
    assert.throws(() => longTailIndices(labelsOf([90, 40, 25]), 3, options), {
      name: 'UserError',
      code: 'DATA_CLASSES',
      message: /class 1 \(cat\) should keep 45 images but has 40/,
    });
  });

  test('names the class that would be empty', () => {
    assert.throws(() => longTailIndices(labels, 4, { ratio: 100 }), {
      code: 'DATA_CLASSES',
      message: /class 3 would keep no image: the largest class keeps 40 and the ratio is 100/,
    });
  });

  test('refuses ratios below 1, unknown types and sizes', () => {
    assert.throws(() => longTailIndices(labels, 4, { ratio: 0.01 }), { code: 'RECIPE', message: /at least 1/ });
    assert.throws(() => longTailIndices(labels, 4, { ratio: Number.NaN }), { code: 'RECIPE' });
    assert.throws(() => longTailIndices(labels, 4, { ratio: 2, type: 'log' as 'exp' }), {
      message: /one of exp, step/,
    });
    assert.throws(() => longTailIndices(labels, 4, { ratio: 2, largest: 1.5 }), { message: /largest/ });
    for (const seed of [-1, 0.5, 2 ** 32])
      assert.throws(() => longTailIndices(labels, 4, { ratio: 2, seed }), {
        code: 'RECIPE',
        message: /the seed must be a whole number from 0 to 4294967295, got/,
      });
  });
});

test('makeLongTail() cuts the training split and leaves the test split', () => {
  const split = (count: number) => ({
    labels: labelsOf([count, count]),
    images: {
      kind: 'memory' as const,
      length: 2 * count,
      width: 1,
      height: 1,
      pixels: Uint8Array.from({ length: 6 * count }, (_, i) => Math.floor(i / 3)),
      nameOf: (i: number) => `#${i}`,
    },
  });
  const balanced: Dataset = { name: 'two', classNames: ['a', 'b'], train: split(20), test: split(5) };
  const { train, test: whole } = makeLongTail(balanced, { ratio: 10 });
  assert.deepEqual([...classCounts(train.labels, 2)], [20, 2]);
  assert.equal(whole, balanced.test);
  assert.ok(train.images.kind === 'memory');
  assert.equal(train.images.nameOf(21), `#${train.images.pixels[21 * 3]}`);
});

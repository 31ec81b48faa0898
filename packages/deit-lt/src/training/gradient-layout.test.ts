import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gradientLayout } from './gradient-layout.js';

suite('gradientLayout()', () => {
  const numels = [5, 3, 100, 2, 4];

  test('has one bucket by default, of the last parameters first', () => {
    const { places, buckets, length } = gradientLayout(numels);
    assert.deepEqual(
      places.map(({ offset }) => offset),
      [109, 106, 6, 4, 0],
    );
    assert.deepEqual(buckets, [{ offset: 0, length }]);
    assert.equal(length, 114 + 5);
  });

  test('cuts at so many bytes, and gives a large parameter a bucket of its own', () => {
    const { places, buckets, length } = gradientLayout(numels, { bucketBytes: 4 * 8, count: 4 });
    assert.deepEqual(
      places.map(({ bucket }) => bucket),
      [2, 2, 1, 0, 0],
    );
    assert.deepEqual(
      buckets.map((each) => each.length),
      [8, 104, 12], // 6 + 2 counts, 100 + 1, 8 + 2, to multiples of 4
    );
    assert.equal(length, 124);
  });

  test('gives each number of a row to one parameter or count', () => {
    const { places, length } = gradientLayout(numels, { bucketBytes: 40, count: 3 });
    const taken = places.flatMap(({ offset, numel, count }) => [
      count,
      ...Array.from({ length: numel }, (_, i) => offset + i),
    ]);
    assert.equal(new Set(taken).size, taken.length);
    assert.ok(taken.every((place) => place >= 0 && place < length));
  });
});

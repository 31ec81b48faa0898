import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Opinion } from '../evaluation/ranking.js';
import { Batcher } from './batcher.js';
import { Slots } from './slots.js';

const pixels = (value: number): Uint8Array => Uint8Array.of(value);

/** Answers each image with its number, and notes the batches. */
function numbering(batches: number[][], fails: (value: number) => boolean = () => false) {
  return async (images: readonly Uint8Array[], top: number): Promise<Opinion[]> => {
    const values = images.map((image) => image[0]!);
    batches.push(values);
    await new Promise((resolve) => setImmediate(resolve));
    if (values.some(fails)) throw new Error('not finite');
    return values.map((value) => ({
      top: Array.from({ length: top }, (_, i) => ({ class: `${value}.${i}`, probability: 1 })),
    }));
  };
}

suite('Batcher', () => {
  test('computes the first image at once, and gathers those that come meanwhile up to the limit', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher(numbering(batches), { maxBatch: 3 });
    const found = await Promise.all([0, 1, 2, 3, 4, 5].map((value) => batcher.add(pixels(value), 1 + (value % 2))));
    assert.deepEqual(batches, [[0], [1, 2, 3], [4, 5]]);
    assert.deepEqual(
      found.map(({ top }) => top.map((each) => each.class).join()),
      ['0.0', '1.0,1.1', '2.0', '3.0,3.1', '4.0', '5.0,5.1'],
    );
  });

  test('fails only the image that the network cannot compute', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher(
      numbering(batches, (value) => value === 2),
      { maxBatch: 8 },
    );
    const found = await Promise.allSettled([0, 1, 2, 3].map((value) => batcher.add(pixels(value), 1)));
    assert.deepEqual(
      found.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(batches, [[0], [1, 2, 3], [1], [2], [3]]);
  });

  test('leaves out the images of clients that went away', async () => {
    const batches: number[][] = [];
    const batcher = new Batcher(numbering(batches), { maxBatch: 8 });
    const gone = AbortSignal.abort(new Error('gone'));
    const found = await Promise.allSettled([
      batcher.add(pixels(0), 1),
      batcher.add(pixels(1), 1, gone),
      batcher.add(pixels(2), 1),
    ]);
    assert.deepEqual(
      found.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(batches, [[0], [2]]);
  });
});

test('Slots take all or none', () => {
  const slots = new Slots(3);
  assert.equal(slots.take(2), true);
  assert.equal(slots.take(2), false);
  assert.equal(slots.taken, 2);
  slots.release(2);
  assert.equal(slots.take(3), true);
});

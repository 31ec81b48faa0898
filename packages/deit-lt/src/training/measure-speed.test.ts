import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { rateOf, shortBatch } from './measure-speed.js';

suite('shortBatch()', () => {
  test('is what half a second computes, a multiple of 8, from 8 to the batch of the recipe', () => {
    const of = (ms: number): number => shortBatch({ images: 8, ms }, 64);
    assert.deepEqual([20, 100, 150, 500, 8000].map(of), [64, 40, 24, 8, 8]);
  });
});

suite('rateOf()', () => {
  /** Steps of `batch` images, which take 2 ms each, and 30 ms for each update. */
  const stepsOf = (batch: number) => ({ images: 10 * batch, updates: 10, ms: 10 * (2 * batch + 30), updateMs: 300 });

  test('is images by time for batches of the measured size', () => {
    assert.ok(Math.abs(rateOf(stepsOf(32), 32) - (1000 * 32) / (2 * 32 + 30)) < 1e-9);
  });

  test('is the same for larger batches, however small those are that were measured', () => {
    for (const batch of [8, 16, 64]) assert.ok(Math.abs(rateOf(stepsOf(batch), 64) - rateOf(stepsOf(64), 64)) < 1e-9);
  });
});

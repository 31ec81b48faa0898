/** The sums of an epoch: means, checkpoints, and checkpoints of earlier versions. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { epochTotals } from '../runs/epoch-totals.js';
import { EpochSums } from './epoch-sums.js';

suite('EpochSums', () => {
  test('has means over batches of the losses, and over updates of the gradient norms', () => {
    const sums = EpochSums.restore({ batch: 0, sums: null });
    sums.add(4, { loss: 3, parts: { cls: 1, dist: 5 } });
    sums.addGradNorm(undefined);
    sums.add(2, { loss: 1, parts: { cls: 2, dist: 1 } });
    sums.addGradNorm(0.5);
    assert.deepEqual(sums.means(), { loss: 2, parts: { cls: 1.5, dist: 3 }, gradNorm: 0.5 });
    assert.equal(sums.images, 6);
  });

  test('has no gradient norm when no update measured it', () => {
    const sums = EpochSums.restore({ batch: 0, sums: null });
    sums.add(1, { loss: 1, parts: {} });
    assert.deepEqual(sums.means(), { loss: 1, parts: {} });
  });

  test('keeps a part of a loss that has the name of another sum', () => {
    const sums = EpochSums.restore({ batch: 0, sums: null });
    sums.add(8, { loss: 1, parts: { images: 0.25, seconds: 0.5 } });
    assert.deepEqual(sums.means().parts, { images: 0.25, seconds: 0.5 });
    assert.equal(sums.images, 8);
  });

  test('continues from what it saved, through JSON', () => {
    const sums = EpochSums.restore({ batch: 0, sums: null });
    sums.add(3, { loss: 3, parts: { cls: 1, odd: Number.NaN } });
    const saved = epochTotals.parse(JSON.parse(JSON.stringify(sums.save(2))));
    const resumed = EpochSums.restore({ batch: 1, sums: saved });
    resumed.add(5, { loss: 1, parts: { cls: 3, odd: 1 } });
    assert.deepEqual(resumed.means(), { loss: 2, parts: { cls: 2, odd: Number.NaN } });
    assert.equal(resumed.images, 8);
    assert.equal(resumed.save(1).seconds, 3);
  });
});

suite('the sums of a checkpoint', () => {
  test('of an earlier version have the parts of the loss beside the others', () => {
    const earlier = { loss: 6, cls: 2, dist: 4, gradNorm: 1.5, gradNorms: 2, images: 24, seconds: 3 };
    const { cls, dist, ...others } = earlier;
    assert.deepEqual(epochTotals.parse(earlier), { ...others, parts: { cls, dist } });
  });

  test('of an earlier version without gradient norms, and at the beginning of an epoch', () => {
    const sums = { images: 4, seconds: 1, loss: 2 };
    assert.deepEqual(epochTotals.parse(sums), { ...sums, parts: {}, gradNorm: 0, gradNorms: 0 });
    assert.equal(epochTotals.parse({}), null);
    assert.equal(epochTotals.parse(null), null);
  });

  test('are refused when one is text', () => {
    assert.equal(epochTotals.safeParse({ images: 'many' }).success, false);
    assert.equal(epochTotals.safeParse(3).success, false);
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cutmixOf } from '../augment/mixup.js';
import { joinBySize, joinOutputs, mixAlike, repeatLabels } from './views.js';

const full = (level: number, size: number): torch.Tensor => torch.full([2, 3, size, size], level);

suite('joinBySize()', () => {
  test('puts views of one size after another, in the order of the sizes', () => {
    const [large, small] = joinBySize([full(1, 8), full(2, 4), full(3, 8)]);
    assert.deepEqual(large!.images.shape, [4, 3, 8, 8]);
    assert.deepEqual([...large!.images.index('...', 0, 0, 0).toTypedArray<'float32'>()], [1, 1, 3, 3]);
    assert.deepEqual([large!.copies, small!.copies], [2, 1]);
    assert.deepEqual(small!.images.shape, [2, 3, 4, 4]);
  });

  test('does not change a single view', () => {
    const view = full(1, 4);
    assert.equal(joinBySize([view])[0]!.images, view);
  });
});

suite('repeatLabels()', () => {
  test('gives the labels of joined views', () => {
    assert.deepEqual(repeatLabels(Int32Array.of(3, 7), 2), Int32Array.of(3, 7, 3, 7));
  });
});

suite('joinOutputs()', () => {
  test('joins each head, of one and of two', () => {
    const logits = (rows: number, value: number): torch.Tensor => torch.full([rows, 5], value);
    const both = joinOutputs([
      [logits(2, 1), logits(2, 2)],
      [logits(4, 3), logits(4, 4)],
    ]);
    assert.ok(Array.isArray(both));
    assert.deepEqual(
      both.map((head) => [...head.select(1, 0).contiguous().toTypedArray<'float32'>()]),
      [
        [1, 1, 3, 3, 3, 3],
        [2, 2, 4, 4, 4, 4],
      ],
    );
    assert.deepEqual((joinOutputs([logits(1, 0), logits(2, 0)]) as torch.Tensor).shape, [3, 5]);
  });
});

suite('mixAlike()', () => {
  test('moves the box of CutMix to another size', () => {
    const images = torch.cat([torch.zeros([1, 3, 4, 4]), torch.ones([1, 3, 4, 4])], 0);
    const mix = cutmixOf({ top: 2, left: 4, height: 4, width: 4 }, 8, 8);
    const mixed = mixAlike(images, [mix], 8);
    const expected = torch.zeros([4, 4]);
    expected.narrow(0, 1, 2).narrow(1, 2, 2).fill_(1);
    assert.ok(mixed.select(0, 0).select(0, 0).eq(expected).all().item());
  });

  test('mixes by the same share', () => {
    const images = torch.cat([torch.zeros([1, 3, 2, 2]), torch.ones([1, 3, 2, 2])], 0);
    const mixed = mixAlike(images, [{ kind: 'mixup', lambda: 0.75 }], 16);
    assert.ok(Math.abs(mixed.index(0, 0, 0, 0).toNumber() - 0.25) < 1e-6);
  });
});

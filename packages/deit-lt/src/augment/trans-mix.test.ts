import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { cutmixOf, type Mix } from './mixup.js';
import { pastedPatches, transMixTargets } from './trans-mix.js';

const options = { height: 8, width: 8, numClasses: 3 };
const labels = Int32Array.of(0, 1);
/** The right half of an image of 8 × 8. */
const half = cutmixOf({ top: 0, left: 4, height: 8, width: 4 }, 8, 8);
const attention = torch.tensor([
  [0.1, 0.3, 0.2, 0.4], // patches of 4 × 4; CLS and DIST took nothing
  [0.05, 0, 0.15, 0], // the tokens took the rest
]);
const targets = (mixes: readonly Mix[], smoothing = 0): number[][] =>
  transMixTargets(labels, mixes, attention, { ...options, smoothing }).toArray() as number[][];

function near(actual: readonly number[][], expected: readonly number[][]): void {
  actual.flat().forEach((x, i) => {
    assert.ok(Math.abs(x - expected.flat()[i]!) < 1e-6, `${actual} is not ${expected}`);
  });
}

suite('transMixTargets()', () => {
  test('give the pasted part the mean of its share of the area and of the attention', () => {
    // 0.7 of the first image's attention lies on the pasted half, nothing of the second's.
    near(targets([half]), [
      [0.4, 0.6, 0],
      [0.25, 0.75, 0],
    ]);
  });

  test('smooth both labels', () => {
    near(targets([half], 0.3), [
      [0.7 * 0.4 + 0.1, 0.7 * 0.6 + 0.1, 0.1],
      [0.7 * 0.25 + 0.1, 0.7 * 0.75 + 0.1, 0.1],
    ]);
  });

  test('leave Mixup and unmixed images as they are, image by image', () => {
    near(targets([{ kind: 'mixup', lambda: 0.9 }, half]), [
      [0.9, 0.1, 0],
      [0.25, 0.75, 0],
    ]);
    near(targets([{ kind: 'none', lambda: 1 }]), [
      [1, 0, 0],
      [0, 1, 0],
    ]);
  });
});

suite('pastedPatches()', () => {
  test('are those whose first pixel is in the box', () => {
    const grid = [2, 3] as const;
    const boxes = torch.tensor([
      [0, 0, 1, 5],
      [1, 5, 8, 12],
      [0, 0, 0, 0],
    ]);
    assert.deepEqual(pastedPatches(boxes, { height: 8, width: 12, grid }).toArray(), [
      [1, 1, 0, 0, 0, 0],
      [0, 0, 0, 0, 0, 1],
      [0, 0, 0, 0, 0, 0],
    ]);
  });
});

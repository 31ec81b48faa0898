import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { numbered } from '../../test/helpers/by-class.js';
import { Metrics } from './metrics.js';

const groups = numbered(['head', 'mid', 'tail'] as const);
const logits = torch.tensor([
  [2, 1, 0],
  [0, 3, 1],
  [1, 0, 0],
  [0, 2, 1],
]);

suite('Metrics', () => {
  test('counts batches: overall by images, groups by classes, losses by images', () => {
    const metrics = new Metrics({ groups });
    metrics.add(logits.narrow(0, 0, 3), Int32Array.of(0, 1, 1), 1);
    metrics.add(logits.narrow(0, 3, 1), Int32Array.of(2), 5);
    const { intervals, few, ...found } = metrics.result();
    assert.deepEqual(few, { classes: 3, fewest: 1, without: 0, of: 3 });
    assert.ok(Math.abs(intervals!.head!.low - 100 / (1 + 1.96 ** 2)) < 0.01 && intervals!.head!.high === 100);
    assert.deepEqual(found, {
      images: 4,
      overall: 50,
      top5: 100,
      balanced: 50,
      head: 100,
      mid: 50,
      tail: 0,
      perClass: [100, 50, 0],
      imagesPerClass: [1, 2, 1],
      confusion: [
        [1, 0, 0],
        [1, 1, 0],
        [0, 1, 0],
      ],
      loss: 2,
    });
  });

  test('leaves classes without images out of the means, and gives null for a group of only such', () => {
    const metrics = new Metrics({ groups: numbered(['head', 'head', 'tail'] as const), confusion: false });
    metrics.add(logits.narrow(0, 0, 1), Int32Array.of(0));
    const { head, mid, tail, balanced, perClass, confusion, loss } = metrics.result();
    assert.deepEqual([head, mid, tail, balanced, perClass], [100, null, null, 100, [100, null, null]]);
    assert.deepEqual([confusion, loss], [undefined, undefined]);
  });

  test('takes bfloat16 logits', () => {
    const metrics = new Metrics({ groups });
    metrics.add(logits.bfloat16(), Int32Array.of(0, 1, 0, 1));
    assert.equal(metrics.result().overall, 100);
  });

  test('refuses sizes that do not match and labels that are not classes', () => {
    const metrics = new Metrics({ groups });
    assert.throws(() => metrics.add(logits, Int32Array.of(0)), { name: 'RangeError', message: /got \[4, 3\]/ });
    assert.throws(() => metrics.add(logits, Int32Array.of(0, 1, 2, 3)), { name: 'RangeError', message: /label 3/ });
    assert.equal(metrics.result().images, 0);
  });
});

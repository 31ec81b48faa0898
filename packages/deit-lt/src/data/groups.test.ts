import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Group, groupsOf } from './groups.js';
import { longTailCounts } from './long-tail.js';

function sizes(groups: readonly Group[]): number[] {
  return (['head', 'mid', 'tail'] as const).map((name) => groups.filter((group) => group === name).length);
}

suite('groupsOf()', () => {
  for (const [numClasses, largest, kind, expected] of [
    [10, 5000, 'cifar10-lt', [3, 4, 3]],
    [100, 500, 'cifar100-lt', [36, 35, 29]],
  ] as const)
    for (const ratio of [10, 50, 100])
      test(`finds ${kind} at ratio ${ratio}`, () => {
        const groups = groupsOf(longTailCounts(largest, numClasses, ratio, 'exp'));
        assert.equal(groups.kind, kind);
        assert.equal(groups.note, undefined);
        assert.deepEqual(sizes(groups.of), expected);
      });

  test('finds ImageNet-LT and iNaturalist-2018 by their totals', () => {
    const filled = (classes: number, total: number) =>
      Array.from({ length: classes }, (_, c) => (c === 0 ? total - classes + 1 : 1));
    assert.deepEqual(sizes(groupsOf(filled(1000, 115_846)).of), [390, 445, 165]);
    assert.deepEqual(sizes(groupsOf(filled(8142, 437_513)).of), [842, 3701, 3599]);
  });

  test('ranks classes by size, not by label', () => {
    const counts = [...longTailCounts(5000, 10, 100, 'exp')].reverse();
    const { of } = groupsOf(counts);
    assert.deepEqual([of[0], of[4], of[9]], ['tail', 'mid', 'head']);
  });

  test('uses the number of images for other data', () => {
    const groups = groupsOf([500, 101, 100, 20, 19, 0]);
    assert.deepEqual(groups, { of: ['head', 'head', 'mid', 'mid', 'tail', 'tail'], kind: 'count' });
  });

  test('does not take balanced CIFAR-10 or another set of ten classes for the long-tailed one', () => {
    assert.equal(groupsOf(new Array(10).fill(5000)).kind, 'count');
    assert.equal(groupsOf(longTailCounts(4999, 10, 100, 'exp')).kind, 'count');
  });

  test('reports an empty group', () => {
    assert.match(groupsOf([500, 400]).note ?? '', /^all classes are head .* show nothing/);
    assert.match(groupsOf([500, 3]).note ?? '', /^no class is mid/);
    assert.match(groupsOf([50, 3]).note ?? '', /^no class is head/);
  });

  test('refuses unknown kinds and presets that do not fit', () => {
    assert.throws(() => groupsOf([1], { kind: 'cifar10' as 'auto' }), { code: 'RECIPE', message: /cifar10-lt/ });
    assert.throws(() => groupsOf([1, 2], { kind: 'cifar10-lt' }), { code: 'DATA_CLASSES', message: /10 classes .* 2/ });
  });
});

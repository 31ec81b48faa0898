import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { differences } from './differences.js';
import { loadRecipe } from './load.js';

suite('differences()', () => {
  test('of a recipe and itself are none', () => {
    assert.deepEqual(differences(loadRecipe('default'), loadRecipe('default')), []);
  });

  test('are the keys that were changed, lists as one value, with both values', () => {
    const settings = ['student.epochs=7', 'teacher.schedule.milestones=[1, 2]', 'teacher.optimizer.clipGradNorm=1'];
    assert.deepEqual(differences(loadRecipe('default', { settings }), loadRecipe('default')), [
      { key: 'teacher.optimizer.clipGradNorm', value: 1, other: null },
      { key: 'teacher.schedule.milestones', value: [1, 2], other: [160, 180] },
      { key: 'student.epochs', value: 7, other: 1200 },
    ]);
  });

  test('name keys that only one has', () => {
    const settings = ['student.optimizer.eps=0.1'];
    const [one, other] = [loadRecipe('default', { settings }), loadRecipe('default')];
    assert.deepEqual(differences(one, other), [{ key: 'student.optimizer.eps', value: 0.1 }]);
    assert.deepEqual(differences(other, one), [{ key: 'student.optimizer.eps', other: 0.1 }]);
  });
});

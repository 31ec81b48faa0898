import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkRecipe, loadRecipe } from './load.js';
import { completeOlder } from './older.js';
import type { Recipe } from './schema.js';

/** The default recipe without the keys that the first version had not. */
function older(): Recipe {
  const recipe = structuredClone(loadRecipe('default')) as Record<string, unknown>;
  const forget = (path: string): void => {
    const keys = path.split('.');
    const group = keys.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, recipe);
    delete group[keys.at(-1)!];
  };
  for (const part of ['teacher', 'student'])
    for (const key of ['dropLast', 'samplerPower', 'samplerBeta', 'emaDevice', 'emaStepping', 'logGradNorm'])
      forget(`${part}.${key}`);
  for (const key of ['external', 'paco', 'sam.minRho', 'sam.steps', 'sam.halfPrecision']) forget(`teacher.${key}`);
  for (const key of ['clsThreshold', 'clsReweight', 'mixing.mode', 'mixing.untilEpoch', 'distillation.mapTargets'])
    forget(`student.${key}`);
  forget('data.classOrder');
  return recipe as Recipe;
}

suite('completeOlder()', () => {
  test('gives an earlier DeiT-III run its linear drop path, and leaves one of today as it is', () => {
    const recipe = loadRecipe('cifar10-lt-100-deit3', { settings: ['student.model.dropPathRate=0.4'] });
    const { constantDropPath, ...model } = recipe.student.model;
    const { dropLast, ...student } = { ...recipe.student, model };
    assert.deepEqual([constantDropPath, dropLast], [true, false]);
    const earlier = completeOlder({ ...recipe, student } as Recipe).student.model;
    assert.deepEqual(earlier, { ...model, constantDropPath: false });
    assert.deepEqual(completeOlder({ ...recipe, student: { ...student, dropLast } }).student.model, model);
  });

  test('gives an earlier PaCo run the values that it meant: no batch left out, one part', () => {
    const recipe = loadRecipe('imagenet-lt-paco', {
      settings: ['teacher.dropLast=false', 'teacher.paco.contrastParts=1'],
    });
    const { dropLast, paco, ...teacher } = recipe.teacher;
    const { contrastParts, ...earlier } = paco;
    assert.deepEqual([dropLast, contrastParts], [false, 1]);
    const { dropLast: _, ...student } = recipe.student;
    assert.deepEqual(completeOlder({ ...recipe, teacher: { ...teacher, paco: earlier }, student } as Recipe), recipe);
  });

  test('gives an earlier recipe the values that it meant: those of the defaults', () => {
    assert.throws(() => checkRecipe(older(), 'config'), { code: 'RECIPE' });
    assert.deepEqual(completeOlder(older()), loadRecipe('default'));
  });

  test('leaves recipes of today, and what is no recipe, as they are', () => {
    const recipe = loadRecipe('cifar100-lt-50', { settings: ['student.mixing.mode=pair'] });
    assert.deepEqual(completeOlder(recipe), recipe);
    const strange = { student: 3 } as unknown as Recipe;
    assert.equal(completeOlder(strange), strange);
  });
});

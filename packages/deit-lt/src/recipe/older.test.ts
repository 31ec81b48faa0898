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
  for (const key of ['external', 'sam.minRho', 'sam.steps', 'sam.halfPrecision']) forget(`teacher.${key}`);
  Object.assign(recipe.student as object, { clsLoss: 'cross-entropy', clsTau: 1 });
  for (const key of ['clsReweight', 'mixing.mode', 'mixing.untilEpoch', 'distillation.mapTargets'])
    forget(`student.${key}`);
  forget('data.classOrder');
  return recipe as Recipe;
}

suite('completeOlder()', () => {
  test('gives an earlier DeiT-III run its linear drop path, and does not change a current one', () => {
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
      settings: ['teacher.dropLast=false', 'teacher.loss.contrastParts=1'],
    });
    const { dropLast, loss, ...teacher } = recipe.teacher;
    const { contrastParts, name, ...paco } = loss;
    assert.deepEqual([dropLast, contrastParts], [false, 1]);
    const { dropLast: _, clsLoss, ...student } = recipe.student;
    const earlier = {
      teacher: { ...teacher, loss: { name }, paco, glmc: { embedding: 256 } },
      student: { ...student, clsLoss: clsLoss.name, clsTau: 1, clsThreshold: null },
    };
    assert.deepEqual(completeOlder({ ...recipe, ...earlier } as unknown as Recipe), recipe);
  });

  test('moves the options of an earlier loss to it, and forgets those of other losses', () => {
    const { teacher, student, ...recipe } = loadRecipe('cifar10-lt-100');
    const of = (loss: object, cls: object) =>
      completeOlder({
        ...recipe,
        teacher: { ...teacher, loss, paco: { queue: 7 }, glmc: { embedding: 3 } },
        student: { ...student, ...cls },
      } as unknown as Recipe);
    const focal = of(
      { name: 'focal', gamma: 2, maxMargin: 0.5, scale: 30 },
      { clsLoss: 'bce', clsTau: 1, clsThreshold: 0 },
    );
    assert.deepEqual(focal.teacher.loss, { name: 'focal', gamma: 2, published: false });
    assert.deepEqual(focal.student.clsLoss, { name: 'bce', threshold: 0 });
    assert.deepEqual(Object.keys(focal.teacher).sort(), Object.keys(teacher).sort());
    assert.deepEqual(Object.keys(focal.student).sort(), Object.keys(student).sort());
    const glmc = of({ name: 'glmc' }, { clsLoss: 'logit-adjustment', clsTau: 0.5 });
    assert.equal(glmc.teacher.loss.embedding, 3);
    assert.equal(glmc.student.clsLoss.tau, 0.5);
  });

  test('gives an earlier recipe the values that it meant: those of the defaults', () => {
    assert.throws(() => checkRecipe(older(), 'config'), { code: 'RECIPE' });
    assert.deepEqual(completeOlder(older()), loadRecipe('default'));
  });

  test('does not change current recipes, nor values that are not recipes', () => {
    const recipe = loadRecipe('cifar100-lt-50', { settings: ['student.mixing.mode=pair'] });
    assert.deepEqual(completeOlder(recipe), recipe);
    const strange = { student: 3 } as unknown as Recipe;
    assert.equal(completeOlder(strange), strange);
  });
});

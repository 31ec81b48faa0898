import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { examplePlan } from '../cli/plan-page.js';
import { completeRecipe, loadRecipe } from './load.js';
import { recipeValues } from './recipe-values.js';

suite('recipeValues()', () => {
  const settings = [
    'student.model=deit_tiny_distilled_patch16_224',
    'teacher.loss=focal',
    'teacher.model.cosine=false',
    'teacher.augment={ replace: true, flip: true }',
    'student.schedule=constant',
    'student.mixing.probability=0',
  ];
  for (const name of ['quickstart', 'imagenet-lt', 'cifar10-lt-100-paco', 'cifar10-lt-100-deit3', 'cifar10-lt-100-vit'])
    test(`gives ${name} back, also with other networks, losses and augmentations`, () => {
      for (const set of [[], name.startsWith('cifar10-lt-100-') ? settings.slice(3) : settings]) {
        const recipe = loadRecipe(name, { settings: set });
        assert.deepEqual(completeRecipe(recipeValues('default', recipe), { where: 'saved' }), recipe);
      }
    });

  test('gives a planned recipe back, beside the published one that it extends', () => {
    for (const machine of ['2 cores', 'one GPU', 'eight GPUs']) {
      const { values } = examplePlan('a thousand kinds of photographs', machine);
      const fitting = machine === '2 cores' ? settings.filter((each) => !/cosine/.test(each)) : settings; // of airbench94
      const recipe = completeRecipe({ ...values }, { settings: fitting, where: 'plan' });
      assert.deepEqual(completeRecipe(recipeValues(String(values.extends), recipe), { where: 'saved' }), recipe);
    }
  });
});

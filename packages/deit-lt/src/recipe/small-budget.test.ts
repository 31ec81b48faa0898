/** `--budget small`: what it keeps of a recipe, and what it shrinks. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadRecipe } from './load.js';
import { smallBudget, smallBudgetMark } from './small-budget.js';

suite('smallBudget()', () => {
  const recipe = loadRecipe('cifar10-lt-100-deit3', { budget: 'small' });

  test('keeps how images become tokens, with channels that fit the small network', () => {
    const settings = ['student.model.patchEmbed=conv', 'student.model.stemChannels=[48, 64, 96]'];
    const { model } = loadRecipe('quickstart', { budget: 'small', settings: [settings[0]!] }).student;
    assert.deepEqual([model.patchEmbed, model.stemChannels], ['conv', undefined]);
    const base = loadRecipe('quickstart', { settings });
    assert.equal(smallBudget(base).student.model.stemChannels, undefined);
  });

  test('says so in the description', () => assert.ok(recipe.description.endsWith(smallBudgetMark)));

  test('keeps loss, optimizer, schedule and augmentation', () => {
    const { student } = loadRecipe('cifar10-lt-100-deit3');
    for (const key of ['clsLoss', 'optimizer', 'augment', 'mixing', 'sampler', 'distillation'] as const)
      assert.deepEqual(recipe.student[key], student[key]);
    assert.equal(recipe.student.schedule.stepping, student.schedule.stepping);
  });

  test('has a tiny network of the same family', () => {
    const { name, initValues, embedDim } = recipe.student.model;
    assert.deepEqual([name, initValues, embedDim], ['vit', 1e-4, 32]);
    const nameOf = (model: string): string => {
      const settings = [`teacher.model={ replace: true, name: ${model} }`];
      return smallBudget(loadRecipe('default', { settings })).teacher.model.name;
    };
    assert.deepEqual(['resnet56', 'resnet50', 'resnet34_cifar', 'regnety_160', 'resnext50_32x4d'].map(nameOf), [
      'resnet20',
      'resnet18',
      'resnet18_cifar',
      'regnety_004',
      'resnet18',
    ]);
  });

  test('begins what begins late in the second epoch', () => {
    const { teacher } = loadRecipe('cifar10-lt-100', { budget: 'small' });
    assert.deepEqual([teacher.epochs, teacher.drw.epoch, teacher.schedule.milestones], [2, 1, [1, 1]]);
    assert.equal(loadRecipe('cifar10-lt-100-paco', { budget: 'small' }).teacher.drw.epoch, null);
  });

  test('lets settings have the last word', () =>
    assert.equal(loadRecipe('quickstart', { budget: 'small', settings: ['student.epochs=5'] }).student.epochs, 5));
});

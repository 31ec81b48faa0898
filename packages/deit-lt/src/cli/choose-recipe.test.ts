import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Dataset } from '../data/dataset.js';
import { UserError } from '../errors.js';
import { type ChosenRecipe, checkEarly, chooseRecipe, settingsOf } from './choose-recipe.js';

function datasetOf(name: string, width: number, { classes = 2, images = 0 } = {}): Dataset {
  const nameOf = String;
  const pixels = { kind: 'memory' as const, length: 0, width, height: width, pixels: new Uint8Array(), nameOf };
  const classNames = Array.from({ length: classes }, (_, i) => `class ${i}`);
  return { name, classNames, train: { images: pixels, labels: new Int32Array(images) } };
}

function chosenFor(...[options, dataset, byDefault]: Parameters<typeof chooseRecipe>): ChosenRecipe {
  const chosen = chooseRecipe(options, dataset, byDefault);
  assert.ok(chosen);
  return chosen;
}

const isUserError =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UserError && error.code === code && message.test(error.message);

suite('chooseRecipe()', () => {
  test('takes quickstart for the shapes, with its long tail', () => {
    const { name, recipe, note } = chosenFor({}, datasetOf('shapes', 32));
    assert.equal(name, 'quickstart');
    assert.equal(recipe.data.imbalance, 100);
    assert.match(note ?? '', /^recipe: quickstart \(the drawn shapes at 32 × 32 pixels, in minutes\); --recipe NAME/);
  });

  test('suggests no --recipe to a command that does not have it', () => {
    const { note } = chosenFor({}, datasetOf('photos', 300), 'quickstart');
    assert.match(
      note ?? '',
      /to which all images are resized\); "(npx )?deit-lt train --recipe NAME" takes another, "(npx )?deit-lt recipes" lists them$/,
    );
  });

  test('chooses cifar10-lt-cpu for images of CIFAR, and explains why', () => {
    const { name, recipe, note } = chosenFor({}, datasetOf('cifar.tar', 32, { classes: 10, images: 12_000 }));
    assert.equal(name, 'cifar10-lt-cpu');
    assert.equal(recipe.data.imbalance, null, 'the images are used as they are');
    assert.match(note ?? '', /images of 32 × 32 pixels in 10 or 100 classes, as CIFAR/);
  });

  test('leaves the data of the user to a plan, but not with --budget small', () => {
    for (const dataset of [datasetOf('photos', 300), datasetOf('icons', 32, { classes: 10, images: 400 })])
      assert.equal(chooseRecipe({}, dataset), undefined);
    const { name, recipe } = chosenFor({ budget: 'small' }, datasetOf('photos', 300));
    assert.deepEqual([name, recipe.data.imbalance, recipe.data.groups], ['quickstart-small', null, 'auto']);
  });

  test('makes the long tail that is requested, and --set has the last word', () => {
    const { recipe } = chosenFor(
      { imbalance: 20, imbalanceType: 'step', select: 'last', set: ['seed=7'] },
      datasetOf('shapes', 32),
    );
    assert.equal(recipe.data.imbalance, 20);
    assert.equal(recipe.data.imbalanceType, 'step');
    assert.equal(recipe.evaluation.select, 'last');
    assert.equal(recipe.seed, 7);
    assert.deepEqual(settingsOf({ imbalance: 20, set: ['data.imbalance=3'] }), [
      'data.imbalance=20',
      'data.imbalance=3',
    ]);
  });

  test('uses a named recipe unchanged', () => {
    const { recipe, note } = chosenFor({ recipe: 'quickstart' }, datasetOf('photos', 300));
    assert.equal(recipe.data.imbalance, 100);
    assert.equal(note, undefined);
  });

  test('finds mistakes before the data are read', () => {
    assert.throws(() => checkEarly({ recipe: 'quikstart' }), isUserError('RECIPE', /did you mean "quickstart"/));
    assert.throws(() => checkEarly({ set: ['student.epoch=1'] }), isUserError('RECIPE', /did you mean "epochs"/));
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Dataset } from '../data/dataset.js';
import { UserError } from '../errors.js';
import { checkEarly, chooseRecipe, settingsOf } from './choose-recipe.js';

function datasetOf(name: string, width: number): Dataset {
  const nameOf = String;
  const images = { kind: 'memory' as const, length: 0, width, height: width, pixels: new Uint8Array(), nameOf };
  return { name, classNames: ['a', 'b'], train: { images, labels: new Int32Array() } };
}

const isUserError =
  (code: string, message: RegExp) =>
  (error: unknown): boolean =>
    error instanceof UserError && error.code === code && message.test(error.message);

suite('chooseRecipe()', () => {
  test('takes quickstart for the shapes, with its long tail', () => {
    const { name, recipe, note } = chooseRecipe({}, datasetOf('shapes', 32));
    assert.equal(name, 'quickstart');
    assert.equal(recipe.data.imbalance, 100);
    assert.match(note ?? '', /^recipe: quickstart \(a short training at 32 × 32 pixels\); --recipe NAME/);
  });

  test('suggests no --recipe to a command that does not have it', () => {
    const { note } = chooseRecipe({}, datasetOf('shapes', 32), 'quickstart');
    assert.match(
      note ?? '',
      /pixels\); "(npx )?deit-lt train --recipe NAME" takes another, "(npx )?deit-lt recipes" lists them$/,
    );
  });

  test('chooses cifar10-lt-cpu for small images of one size, and explains why', () => {
    const { name, note } = chooseRecipe({}, datasetOf('icons', 64));
    assert.equal(name, 'cifar10-lt-cpu');
    assert.match(note ?? '', /all images have one size of at most 64 × 64 pixels/);
  });

  test("takes one's own data as they are", () => {
    const { recipe } = chooseRecipe({}, datasetOf('photos', 300));
    assert.equal(recipe.data.imbalance, null);
    assert.equal(recipe.data.groups, 'auto');
  });

  test('makes the long tail that is requested, and --set has the last word', () => {
    const { recipe } = chooseRecipe(
      { imbalance: 20, imbalanceType: 'step', select: 'last', set: ['seed=7'] },
      datasetOf('photos', 300),
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
    const { recipe, note } = chooseRecipe({ recipe: 'quickstart' }, datasetOf('photos', 300));
    assert.equal(recipe.data.imbalance, 100);
    assert.equal(note, undefined);
  });

  test('finds mistakes before the data are read', () => {
    assert.throws(() => checkEarly({ recipe: 'quikstart' }), isUserError('RECIPE', /did you mean "quickstart"/));
    assert.throws(() => checkEarly({ set: ['student.epoch=1'] }), isUserError('RECIPE', /did you mean "epochs"/));
  });
});

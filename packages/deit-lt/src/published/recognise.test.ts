import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createModel, type ModelOptions, modelNames } from '../models/index.js';
import { recognise } from './recognise.js';
import { type Shapes, withoutPrefixes } from './weight-source.js';

const source = (shapes: Shapes) => ({
  file: 'x.pth',
  shapes,
  facts: {},
  tensor: () => assert.fail('no number is needed'),
  [Symbol.dispose]: () => {},
});

function shapesOf(name: string, options: ModelOptions): Map<string, readonly number[]> {
  using model = createModel(name, { ...options, device: 'meta' });
  return new Map([...model.stateDict()].map(([key, { shape }]) => [key, shape]));
}

suite('recognise()', () => {
  test('knows every network of the registry again by names and shapes alone', () => {
    for (const name of modelNames()) {
      const { model, numClasses } = recognise(source(shapesOf(name, { numClasses: 17 })));
      assert.deepEqual([model.name, numClasses], [name.replace(/^vit_/, 'deit_'), 17]);
    }
  });

  test('infers image, patch and sizes of a transformer that has no name', () => {
    const sizes = { imageSize: 40, patchSize: 5, embedDim: 128, depth: 3, mlpRatio: 2 };
    const { model, imageSize, kind } = recognise(source(shapesOf('deit', { numClasses: 2, ...sizes })));
    const { imageSize: _, ...shape } = sizes;
    assert.deepEqual([model, imageSize, kind], [{ name: 'deit', ...shape, numHeads: 2 }, 40, 'student']);
  });

  test('takes the classifier of PaCo, not its embedding heads', () => {
    const inner = shapesOf('resnet50', { numClasses: 8 });
    const wrapped = new Map(
      [...inner].map(([name, shape]) => [/^fc/.test(name) ? name.replace('fc', 'linear') : `encoder_q.${name}`, shape]),
    );
    wrapped.set('encoder_q.fc.0.weight', [2048, 2048]).set('queue', [16, 128]);
    const { model, numClasses, rename } = recognise(source(wrapped));
    assert.deepEqual([model.name, numClasses], ['resnet50', 8]);
    assert.deepEqual(
      ['linear.bias', 'encoder_q.bn1.bias', 'encoder_q.fc.0.weight', 'encoder_k.bn1.bias', 'queue'].map(rename),
      ['fc.bias', 'bn1.bias', null, null, null],
    );
  });

  test('refuses what images here do not fit, and what has no classifier', () => {
    const gray = shapesOf('resnet20', { numClasses: 10, inChans: 1 });
    assert.throws(() => recognise(source(gray)), { code: 'CHECKPOINT', message: /for images of 1 channels/ });
    const headless = shapesOf('deit', { numClasses: 10 });
    headless.delete('head.weight');
    assert.throws(() => recognise(source(headless)), { code: 'CHECKPOINT', message: /has no classifier/ });
    const odd = shapesOf('vit', { numClasses: 10 }).set('pos_embed', [1, 60, 192]);
    assert.throws(() => recognise(source(odd)), { code: 'CHECKPOINT', message: /60 positions, which are no square/ });
    const narrow = shapesOf('vit', { numClasses: 10, embedDim: 40, numHeads: 4 });
    assert.throws(() => recognise(source(narrow)), { code: 'CHECKPOINT', message: /--set student\.model\.numHeads=4/ });
    assert.equal(recognise(source(narrow), { numHeads: 4 }).model.numHeads, 4);
  });
});

suite('withoutPrefixes()', () => {
  test('takes away what all names begin with, and nothing else', () => {
    const names = (...given: string[]): string[] => [
      ...withoutPrefixes(new Map(given.map((name) => [name, 0]))).keys(),
    ];
    assert.deepEqual(names('module.model.a', 'module.model.b'), ['a', 'b']);
    assert.deepEqual(names('module.a', 'b'), ['module.a', 'b']);
  });
});

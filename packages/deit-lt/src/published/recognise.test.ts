import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createModel, type ModelOptions, modelNames } from '../models/index.js';
import { withoutPrefixes } from './prefixes.js';
import { recognise } from './recognise.js';
import type { Shapes } from './weight-source.js';

const source = (shapes: Shapes) => ({
  file: 'x.pth',
  shapes,
  beside: new Set<string>(),
  facts: {},
  tensor: () => assert.fail('no number is needed'),
  [Symbol.dispose]: () => {},
});

function shapesOf(name: string, options: ModelOptions): Map<string, readonly number[]> {
  using model = createModel(name, { ...options, device: 'meta' });
  return new Map([...model.stateDict()].map(([key, { shape }]) => [key, shape]));
}

suite('recognise()', () => {
  test('recognises every network of the registry only by names and shapes', () => {
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

  test('infers the channels of a convolutional stem, and refuses it without a patch size', () => {
    const sizes = { imageSize: 32, patchSize: 8, embedDim: 64, depth: 2, mlpRatio: 4, stemChannels: [4, 5, 6, 7] };
    const shapes = shapesOf('vit', { numClasses: 2, ...sizes, patchEmbed: 'conv' });
    const message = /made by 4 convolutions, .* --set student\.model\.patchSize=N/;
    assert.throws(() => recognise(source(shapes)), { code: 'CHECKPOINT', message });
    const { model, imageSize, inChans } = recognise(source(shapes), { patchSize: 8 });
    const { imageSize: _, ...shape } = sizes;
    assert.deepEqual([model, imageSize, inChans], [{ name: 'vit', ...shape, patchEmbed: 'conv', numHeads: 1 }, 32, 3]);
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
    assert.throws(() => recognise(source(gray)), { code: 'CHECKPOINT', message: /takes images with 1 channels/ });
    const headless = shapesOf('deit', { numClasses: 10 });
    headless.delete('head.weight');
    assert.throws(() => recognise(source(headless)), { code: 'CHECKPOINT', message: /has no classifier/ });
    const odd = shapesOf('vit', { numClasses: 10 }).set('pos_embed', [1, 60, 192]);
    assert.throws(() => recognise(source(odd)), {
      code: 'CHECKPOINT',
      message: /60 positions, which do not form a square/,
    });
    const narrow = shapesOf('vit', { numClasses: 10, embedDim: 40, numHeads: 4 });
    assert.throws(() => recognise(source(narrow)), {
      code: 'CHECKPOINT',
      message: /--set student\.model\.numHeads=N: 1, 2, 4, 5\./,
    });
    assert.equal(recognise(source(narrow), { numHeads: 4 }).model.numHeads, 4);
  });
});

suite('withoutPrefixes()', () => {
  const strip = (...given: string[]) => {
    const { state, beside } = withoutPrefixes(new Map(given.map((name) => [name, 0])), 'x.pth');
    return { names: [...state.keys()], beside: [...beside] };
  };

  test('takes away what wrappers put before names, one after the other', () => {
    assert.deepEqual(strip('module.model.a', 'module.model.b'), { names: ['a', 'b'], beside: [] });
    assert.deepEqual(strip('a.module.b', 'c'), { names: ['a.module.b', 'c'], beside: [] });
  });

  test('takes it away where it is, and says which names had none', () => {
    const averaged = strip('n_averaged', 'module.a', 'module.b');
    assert.deepEqual(averaged, { names: ['n_averaged', 'a', 'b'], beside: ['n_averaged'] });
    const lightning = strip('module._orig_mod.a', 'module.criterion.weight', 'module._orig_mod.b', 'n');
    assert.deepEqual(lightning, { names: ['a', 'criterion.weight', 'b', 'n'], beside: ['criterion.weight', 'n'] });
  });

  test('refuses two tensors of one name', () => {
    const message = /x\.pth has both a and module\.a/;
    assert.throws(() => strip('a', 'module.a', 'module.b'), { code: 'CHECKPOINT', message });
  });
});

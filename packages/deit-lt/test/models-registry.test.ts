/** Properties of all models of the registry. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { UserError } from '../src/errors.js';
import { createModel, modelNames, modelOptionNames, registerModel, VisionTransformer } from '../src/models/index.js';

/** Of timm 0.8, with 1000 classes. */
const parameterCounts: Record<string, number> = {
  deit_tiny_distilled_patch16_224: 5_910_800,
  deit_small_distilled_patch16_224: 22_436_432,
  deit_base_distilled_patch16_224: 87_338_192,
  deit_tiny_patch16_224: 5_717_416,
  deit_small_patch16_224: 22_050_664,
  deit_base_patch16_224: 86_567_656,
  vit_tiny_patch16_224: 5_717_416,
  vit_small_patch16_224: 22_050_664,
  vit_base_patch16_224: 86_567_656,
};

function refuses(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof UserError && error.code === 'RECIPE' && message.test(error.message));
}

suite('the registry of models', () => {
  for (const [name, count] of Object.entries(parameterCounts)) {
    test(`${name} has ${count} parameters`, () => {
      assert.equal(createModel(name, { numClasses: 1000, device: 'meta' }).parameterCount(), count);
    });
  }

  for (const name of modelNames().filter((each) => !/base|small|110/.test(each))) {
    test(`${name} gives finite logits, and a gradient to every parameter`, () => {
      const model = createModel(name, { numClasses: 5, imageSize: 32 });
      torch.tidy(() => {
        const output = model.call(torch.randn([2, 3, 32, 32]));
        const logits = Array.isArray(output) ? output : [output];
        assert.equal(logits.length, name.includes('distilled') || name === 'deit' ? 2 : 1);
        for (const each of logits) {
          assert.deepEqual(each.shape, [2, 5]);
          assert.ok(each.isfinite().all().item());
        }
        torch.stack(logits).square().sum().backward();
      });
      for (const [parameterName, parameter] of model.namedParameters())
        assert.notEqual(parameter.grad, null, parameterName);
    });
  }

  test('deit takes any size', () => {
    const options = { numClasses: 10, imageSize: 24, patchSize: 6, embedDim: 96, depth: 3, numHeads: 2, mlpRatio: 2 };
    const model = createModel('deit', { ...options, dropPathRate: 0.1, dropRate: undefined });
    assert.ok(model instanceof VisionTransformer);
    assert.deepEqual(model.posEmbed.shape, [1, 18, 96]);
    assert.equal(model.blocks.length, 3);
    assert.deepEqual(model.blocks.at(0).mlp.fc1.weight.shape, [192, 96]);
    assert.deepEqual(model.noWeightDecay(), ['pos_embed', 'cls_token', 'dist_token']);
  });

  test('deit has heads of 64 numbers unless told otherwise', () => {
    const model = createModel('deit', { numClasses: 10, embedDim: 256, depth: 1 }) as VisionTransformer;
    assert.equal(model.blocks.at(0).attn.numHeads, 4);
  });

  test('an unknown model is an error that names the nearest', () => {
    refuses(() => createModel('resnet23', { numClasses: 10 }), /model "resnet23" is unknown; did you mean "resnet/);
    refuses(() => modelOptionNames('efficientnet_b0'), /known: deit, /);
  });

  test('an option that the model does not have is an error', () => {
    refuses(() => createModel('resnet32', { numClasses: 10, embedDim: 192 }), /"resnet32" has no option "embedDim"/);
    refuses(() => createModel('deit_tiny_patch16_224', { numClasses: 10, depth: 3 }), /has no option "depth"; it has/);
    refuses(() => createModel('vit', { numClasses: 10, cosine: true }), /has no option "cosine"/);
  });

  test('models can be added', () => {
    const entry = {
      options: ['depth'],
      create: () => new torch.nn.Sequential<[torch.Tensor]>(new torch.nn.Flatten(), new torch.nn.Linear(12, 3)),
    } as const;
    registerModel('mine', entry);
    const output = createModel('mine', { numClasses: 3, depth: 2 }).call(torch.randn([2, 3, 2, 2]));
    assert.deepEqual((output as torch.Tensor).shape, [2, 3]);
  });
});

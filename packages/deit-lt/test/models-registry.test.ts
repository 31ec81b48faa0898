/** Properties of all models of the registry. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { UserError } from '../src/errors.js';
import { createModel, modelOptionNames, registerModel, VisionTransformer } from '../src/models/index.js';

/** With 1000 classes: timm 0.8's own count where it has the name, else its count for 224 pixels and the longer table of positions. */
const parameterCounts: Record<string, number> = {
  deit_tiny_distilled_patch16_224: 5_910_800,
  deit_small_distilled_patch16_224: 22_436_432,
  deit_base_distilled_patch16_224: 87_338_192,
  deit_base_distilled_patch16_384: 87_630_032,
  deit_large_distilled_patch16_224: 305_353_680,
  deit_tiny_patch16_224: 5_717_416,
  deit_small_patch16_224: 22_050_664,
  deit_base_patch16_224: 86_567_656,
  deit_base_patch16_384: 86_859_496,
  vit_tiny_patch16_224: 5_717_416,
  vit_tiny_patch16_384: 5_790_376,
  vit_small_patch16_224: 22_050_664,
  vit_small_patch16_384: 22_196_584,
  vit_base_patch16_224: 86_567_656,
  vit_base_patch16_384: 86_859_496,
  vit_large_patch16_224: 304_326_632,
  vit_large_patch16_384: 304_715_752,
  deit3_small_patch16_224: 22_059_496,
  deit3_small_patch16_384: 22_205_416,
  deit3_medium_patch16_224: 38_849_512,
  deit3_base_patch16_224: 86_585_320,
  deit3_base_patch16_384: 86_877_160,
  deit3_large_patch16_224: 304_374_760,
  deit3_large_patch16_384: 304_763_880,
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  resnext50_32x4d: 25_028_904,
  resnext101_32x4d: 44_177_704,
  resnext101_32x8d: 88_791_336,
  regnety_004: 4_344_144,
  regnety_016: 11_202_430,
  regnety_160: 83_590_140,
};

/** With 10 classes, of the usual implementations for CIFAR; of airbench94 without what its author freezes. */
const cifarCounts: Record<string, number> = {
  resnet20: 269_722,
  resnet32: 464_154,
  resnet44: 658_586,
  resnet56: 853_018,
  resnet110: 1_727_962,
  airbench94: 1_971_352,
  resnet18_cifar: 11_173_962,
  resnet34_cifar: 21_282_122,
};

/** One of each family: a forward and backward pass of the large ones takes minutes. */
const families = [
  ...['deit', 'vit', 'deit_tiny_distilled_patch16_224', 'vit_tiny_patch16_384'],
  ...['resnet20', 'resnet18', 'resnet18_cifar', 'resnext50_32x4d', 'regnety_004', 'airbench94'],
];

function refuses(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof UserError && error.code === 'RECIPE' && message.test(error.message));
}

suite('the registry of models', () => {
  for (const [numClasses, counts] of [
    [1000, parameterCounts],
    [10, cifarCounts],
  ] as const)
    for (const [name, count] of Object.entries(counts))
      test(`${name} has ${count} parameters`, () => {
        assert.equal(createModel(name, { numClasses, device: 'meta' }).parameterCount(), count);
      });

  for (const name of families)
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

  test('deit takes any size', () => {
    const options = { numClasses: 10, imageSize: 24, patchSize: 6, embedDim: 96, depth: 3, numHeads: 2, mlpRatio: 2 };
    const model = createModel('deit', { ...options, dropPathRate: 0.1, dropRate: undefined });
    assert.ok(model instanceof VisionTransformer);
    assert.deepEqual(model.posEmbed.shape, [1, 18, 96]);
    assert.equal(model.blocks.length, 3);
    assert.deepEqual(model.blocks.at(0).mlp.fc1.weight.shape, [192, 96]);
    assert.deepEqual(model.noWeightDecay(), ['pos_embed', 'cls_token', 'dist_token']);
  });

  test('deit has heads of 64 numbers by default', () => {
    const model = createModel('deit', { numClasses: 10, embedDim: 256, depth: 1 }) as VisionTransformer;
    assert.equal(model.blocks.at(0).attn.numHeads, 4);
  });

  test('an unknown model is an error that names the nearest', () => {
    refuses(() => createModel('resnet23', { numClasses: 10 }), /model "resnet23" is unknown; did you mean "resnet/);
    refuses(() => modelOptionNames('efficientnet_b0'), /known: airbench94, deit, /);
  });

  test('an option that the model does not have is an error', () => {
    refuses(() => createModel('resnet32', { numClasses: 10, embedDim: 192 }), /"resnet32" has no option "embedDim"/);
    refuses(() => createModel('deit_tiny_patch16_224', { numClasses: 10, depth: 3 }), /has no option "depth"; it has/);
    refuses(() => createModel('vit', { numClasses: 10, cosine: true }), /has no option "cosine"/);
  });

  test('models can be added, with their own options', () => {
    registerModel({
      name: 'mine',
      options: z.object({ width: z.int().max(8).default(4) }),
      create: ({ numClasses, width }) =>
        new torch.nn.Sequential<[torch.Tensor]>(
          new torch.nn.Flatten(),
          new torch.nn.Linear(12, width),
          new torch.nn.Linear(width, numClasses),
        ),
    });
    const output = createModel('mine', { numClasses: 3, width: 2 }).call(torch.randn([2, 3, 2, 2]));
    assert.deepEqual((output as torch.Tensor).shape, [2, 3]);
    assert.equal(createModel('mine', { numClasses: 3 }).parameterCount(), 13 * 4 + 5 * 3);
    refuses(() => createModel('mine', { numClasses: 3, width: 9 }), /model "mine": width: .*8/);
    refuses(() => createModel('mine', { numClasses: 3, depth: 9 }), /"mine" has no option "depth"; it has .*width$/);
    const again = { name: 'resnet32', options: z.object({}), create: () => new torch.nn.Linear(1, 1) };
    assert.throws(() => registerModel(again as never), { code: 'PLUGIN', message: /"resnet32" exists already/ });
  });
});

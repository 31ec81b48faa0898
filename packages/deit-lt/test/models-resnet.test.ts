/** The CIFAR ResNets against the reference's numbers, with both classifiers. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { CosineLinear, ResNetCifar } from '../src/models/index.js';
import { assertNear, Golden, goldenFolder, resNetLike } from './models-golden.js';

interface ResNetJson {
  use_norm: boolean;
  blocks: number[];
  num_classes: number;
  num_parameters: number;
  logit_scale_in_loss: number;
  expected_train_loss: number;
  train_grad_l2_norm: Record<string, number>;
}

const topics = ['resnet', 'resnet_norm'];

suite('golden CIFAR ResNets', { skip: goldenFolder === undefined && 'no golden files' }, () => {
  for (const topic of goldenFolder === undefined ? [] : topics) {
    const { use_norm: cosine } = new Golden<ResNetJson>(topic).json;
    const logitTolerance = cosine ? { atol: 2e-6 } : { relative: 5e-6 };
    const load = (): { golden: Golden<ResNetJson>; model: ResNetCifar } => {
      const golden = new Golden<ResNetJson>(topic);
      const state = golden.under('state.');
      const model = resNetLike((name) => state.get(name)?.shape, cosine);
      model.loadStateDict(state);
      return { golden, model };
    };

    test(`${topic}: blocks, classes, parameter names and count`, () => {
      const { golden, model } = load();
      const { blocks, num_classes } = golden.json;
      assert.deepEqual([model.blocks().length, model.numClasses], [blocks.reduce((a, b) => a + b, 0), num_classes]);
      assert.equal(model.parameterCount(), golden.json.num_parameters);
      const names = model.namedParameters().map(([name]) => name);
      assert.deepEqual(names, Object.keys(golden.json.train_grad_l2_norm));
    });

    test(`${topic}: evaluation`, () => {
      const { golden, model } = load();
      model.eval();
      assertNear(model.call(golden.at('input')), golden.at('eval.logits'), logitTolerance, 'logits');
      assertNear(model.features(golden.at('input')), golden.at('eval.features'), { relative: 5e-6 }, 'features');
    });

    test(`${topic}: training, its gradients and running statistics`, () => {
      const { golden, model } = load();
      const { logit_scale_in_loss: scale, expected_train_loss: expected, train_grad_l2_norm: norms } = golden.json;
      const logits = model.call(golden.at('input'));
      assertNear(logits, golden.at('train.logits'), logitTolerance, 'logits');
      const loss = torch.nn.functional.crossEntropy(logits.mul(scale), golden.at('labels'));
      assert.ok(Math.abs(loss.toNumber() - expected) < 1e-5 * expected);
      loss.backward();
      for (const [name, parameter] of model.namedParameters()) {
        const norm = parameter.grad!.norm().toNumber();
        assert.ok(Math.abs(norm - norms[name]!) < 5e-5 * norms[name]!, `${name}: ${norm}, expected ${norms[name]}`);
      }
      const gradients = new Map(model.namedParameters().map(([name, { grad }]) => [name, grad]));
      for (const [name, expectedGradient] of golden.under('train.grad.'))
        assertNear(gradients.get(name), expectedGradient, { relative: 5e-5 }, name);
      const state = model.stateDict();
      for (const [name, statistics] of golden.under('train.after.'))
        assertNear(state.get(name), statistics, { relative: 5e-6 }, name);
      assert.equal(
        state.get('bn1.num_batches_tracked')?.toNumber(),
        golden.at('state.bn1.num_batches_tracked').toNumber() + 1,
      );
    });
  }
});

suite('ResNetCifar', () => {
  test('halves the image twice and takes sizes other than 32', () => {
    const model = new ResNetCifar(1, { numClasses: 7 }).eval();
    assert.deepEqual(model.features(torch.randn([2, 3, 20, 24])).shape, [2, 64]);
    assert.deepEqual(model.call(torch.randn([2, 3, 33, 33])).shape, [2, 7]);
  });

  test('trains in channels-last bfloat16 to nearly the same gradient', () => {
    torch.manualSeed(0);
    const model = new ResNetCifar(1);
    const images = torch.randn([16, 3, 16, 16]);
    const gradient = (low: boolean): torch.Tensor => {
      model.zeroGrad();
      model.to({ memoryFormat: low ? 'channels_last' : 'contiguous_format' });
      torch
        .autocast('cpu', { enabled: low }, () => model.call(images))
        .float()
        .square()
        .mean()
        .backward();
      return model.linear.weight.grad!.clone();
    };
    assertNear(gradient(true), gradient(false), { relative: 0.05 });
  });

  test('refuses single images in training where a channel has one value', () => {
    assert.throws(() => new ResNetCifar(1).call(torch.randn([1, 3, 4, 4])), /more than 1 value per channel/);
  });
});

suite('CosineLinear', () => {
  test('gives cosines whatever the lengths are', () => {
    const layer = new CosineLinear(8, 5);
    const features = torch.randn([4, 8]);
    const cosines = layer.call(features);
    assert.ok(cosines.abs().max().toNumber() <= 1 + 1e-6);
    assertNear(layer.call(features.mul(7)), cosines.detach(), { atol: 1e-6 });
    torch.noGrad(() => layer.weight.mul_(3));
    assertNear(layer.call(features), cosines.detach(), { atol: 1e-6 });
  });

  test('begins with columns of length one', () => {
    const lengths = new CosineLinear(64, 10).weight.detach().square().sum(0).sqrt();
    assertNear(lengths, torch.ones([10]), { atol: 1e-5 });
  });

  test('refuses features of another width', () => {
    assert.throws(() => new CosineLinear(8, 5).call(torch.randn([4, 7])), /matmul/);
  });
});

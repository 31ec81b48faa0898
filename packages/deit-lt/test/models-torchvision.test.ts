/** ResNets, ResNeXts, RegNets and ViTs against torchvision's: names and shapes of all, logits and gradients of each family. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { before, suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import {
  createModel,
  type ImageModel,
  ResNet,
  ResNetBasicBlock,
  ResNetBottleneck,
  regnetNameFromTorchvision,
  VisionTransformer,
} from '../src/models/index.js';
import { fromPython, skipTorchvision } from './helpers/python-torch.js';

/** torchvision's name → ours and how a parameter's name becomes ours. */
const same = (name: string): string => name;
const networks: Record<string, { ours?: string; rename: (name: string) => string }> = {
  resnet18: { rename: same },
  resnet34: { rename: same },
  resnet50: { rename: same },
  resnet101: { rename: same },
  resnet152: { rename: same },
  resnext50_32x4d: { rename: same },
  resnext101_32x4d: { rename: same },
  resnext101_32x8d: { rename: same },
  resnet18_cifar: { rename: same },
  resnet34_cifar: { rename: same },
  regnet_y_400mf: { ours: 'regnety_004', rename: regnetNameFromTorchvision },
  regnet_y_1_6gf: { ours: 'regnety_016', rename: regnetNameFromTorchvision },
  regnet_y_16gf: { ours: 'regnety_160', rename: regnetNameFromTorchvision },
  vit_b_16: { ours: 'vit_base_patch16_224', rename: vitName },
  vit_l_16: { ours: 'vit_large_patch16_224', rename: vitName },
  basic: { rename: same },
  bottleneck: { rename: same },
  vit: { rename: vitName },
};

/** Not of the registry: small enough to compute gradients in no time. */
const ofTests: Record<string, (numClasses: number, device: string) => ImageModel> = {
  basic: (numClasses, device) =>
    new ResNet(ResNetBasicBlock, [1, 2, 1, 1], { numClasses, device, smallImages: true }) as ImageModel,
  bottleneck: (numClasses, device) =>
    new ResNet(ResNetBottleneck, [2, 1, 1, 1], { numClasses, device, groups: 32, widthPerGroup: 4 }) as ImageModel,
  vit: (numClasses, device) => createModel('vit', { ...vitShape, numClasses, device }),
};

const vitShape = { imageSize: 32, patchSize: 8, depth: 2, numHeads: 2, embedDim: 32, mlpRatio: 4 } as const;

/** timm's name of a parameter of torchvision's ViT. */
function vitName(name: string): string {
  return name
    .replace('class_token', 'cls_token')
    .replace('conv_proj', 'patch_embed.proj')
    .replace('encoder.pos_embedding', 'pos_embed')
    .replace(/encoder\.layers\.encoder_layer_(\d+)\./, 'blocks.$1.')
    .replace(/\.ln_([12])\./, '.norm$1.')
    .replace('self_attention.in_proj_', 'attn.qkv.')
    .replace('self_attention.out_proj', 'attn.proj')
    .replace('mlp.0.', 'mlp.fc1.')
    .replace('mlp.3.', 'mlp.fc2.')
    .replace('encoder.ln.', 'norm.')
    .replace('heads.head.', 'head.');
}

/** One of each kind of block. */
const passes = [
  { name: 'basic', input: [2, 3, 12, 12] },
  { name: 'bottleneck', input: [2, 3, 40, 40] },
  { name: 'regnet_y_400mf', input: [2, 3, 40, 40] },
  { name: 'vit', input: [2, 3, 32, 32] },
];

type Pass = { logits: number[][]; gradients: Record<string, [norm: number, product: number]> };
type Reference = { shapes: Record<string, Record<string, number[]>>; passes: Record<string, Pass> };

/** As `numbers` of torchvision.py. */
function numbers(name: string, shape: readonly number[]): torch.Tensor {
  const key = [...name].reduce((sum, letter, place) => sum + letter.charCodeAt(0) * (place + 1), 0);
  const count = shape.reduce((a, b) => a * b, 1);
  const place = torch.arange(count);
  const mixed = place
    .mul(place)
    .mul(7919)
    .add(place.mul(1103515245))
    .add(key * 104729);
  return mixed
    .remainder(2147483647)
    .double()
    .div(2147483647)
    .sub(0.5)
    .view([...shape]);
}

/** As `weight` of torchvision.py. */
function weight(name: string, shape: readonly number[]): torch.Tensor {
  const u = numbers(name, shape);
  const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
  if (shape.length === 4) return u.mul(Math.sqrt(24 / fanIn));
  if (shape.length >= 2) return u.mul(0.3);
  if (name.endsWith('running_var')) return u.add(1);
  return u.mul(0.4).add(name.endsWith('weight') ? 1 : 0);
}

function makeModel(name: string, numClasses: number, device: string): ImageModel {
  const { ours = name } = networks[name]!;
  return ofTests[name]?.(numClasses, device) ?? createModel(ours, { numClasses, device });
}

/** Our network with torchvision's weights, in float64; and our name of each of its parameters. */
function filled(name: string, shapes: Record<string, number[]>): ImageModel {
  const model = makeModel(name, 7, 'cpu').to('float64') as ImageModel;
  const state = Object.entries(shapes).map(([theirs, shape]) => {
    const resized = /^(fc|heads\.head)\./.test(theirs) ? [7, ...shape.slice(1)] : shape;
    const value = theirs.endsWith('num_batches_tracked')
      ? torch.tensor(0, { dtype: 'int64' })
      : weight(theirs, resized);
    return [networks[name]!.rename(theirs), value] as const;
  });
  model.loadStateDict(new Map(state));
  return model;
}

/** The largest difference, relative to the largest expected. */
function off(actual: readonly number[], expected: readonly number[]): number {
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!))) / largest;
}

suite("torchvision's networks", { skip: skipTorchvision }, () => {
  let reference: Reference;
  before(() => {
    const code = readFileSync(path.resolve(import.meta.dirname, '../../test/helpers/torchvision.py'), 'utf8');
    reference = fromPython<Reference>(code, { shapes: Object.keys(networks), passes });
  });

  for (const [name, { ours = name, rename }] of Object.entries(networks).filter(([each]) => !(each in ofTests)))
    test(`${ours} has the parameters and buffers of ${name}`, () => {
      const classes = name.endsWith('cifar') ? 7 : 1000;
      const state = makeModel(name, classes, 'meta').stateDict();
      const actual = Object.fromEntries([...state].map(([key, value]) => [key, value.shape]));
      const expected = Object.entries(reference.shapes[name]!).map(([key, shape]) => [rename(key), shape]);
      assert.deepEqual(actual, Object.fromEntries(expected));
    });

  for (const { name, input } of passes)
    test(`${networks[name]!.ours ?? name} has the logits of ${name} in evaluation, and its gradients in training`, () => {
      torch.tidy(() => {
        const { logits, gradients } = reference.passes[name]!;
        const model = filled(name, reference.shapes[name]!);
        const images = numbers('images', input).mul(2);
        model.eval();
        const actual = torch.noGrad(() => model.call(images)) as torch.Tensor;
        assert.ok(off([...actual.flatten().toTypedArray()].map(Number), logits.flat()) < 1e-9, 'logits');
        model.train();
        (model.call(images) as torch.Tensor)
          .mul(numbers('logits', [input[0]!, 7]))
          .sum()
          .backward();
        const parameters = new Map(model.namedParameters());
        assert.equal(parameters.size, Object.keys(gradients).length);
        for (const [theirs, expected] of Object.entries(gradients)) {
          const grad = parameters.get(networks[name]!.rename(theirs))!.grad!;
          const product = torch.tidy(() => grad.mul(numbers(theirs, grad.shape)).sum());
          const found = [grad.norm().toNumber(), product.toNumber()];
          assert.ok(off(found, expected) < 1e-7, `gradient of ${theirs}: ${found}, expected ${expected}`);
        }
      });
    });
});

suite('positions for 384 pixels from a model for 224', () => {
  const shape = { embedDim: 8, depth: 1, numHeads: 2, numClasses: 3, distilled: true } as const;

  test('are its grid of 14 × 14 resized bicubically to 24 × 24; CLS and DIST keep theirs', {
    skip: skipTorchvision,
  }, () => {
    torch.manualSeed(0);
    const { posEmbed, positionsFor } = bound(new VisionTransformer({ ...shape, imageSize: 224 }));
    const resized = fromPython<number[]>(
      `grid = torch.tensor(given)[2:].view(1, 14, 14, 8).permute(0, 3, 1, 2)
new = torch.nn.functional.interpolate(grid, scale_factor=(24.1 / 14, 24.1 / 14), mode="bicubic")
out = new.permute(0, 2, 3, 1).flatten().tolist()`,
      posEmbed.squeeze(0).toArray(),
    );
    const positions = positionsFor(384, 384);
    assert.deepEqual(positions.shape, [1, 2 + 24 * 24, 8]);
    const patches = [
      ...positions
        .narrow(1, 2, 24 * 24)
        .flatten()
        .toTypedArray(),
    ].map(Number);
    assert.ok(off(patches, resized) < 1e-5);
    assert.ok(torch.equal(positions.narrow(1, 0, 2), posEmbed.narrow(1, 0, 2)));
  });

  test('give the same logits as a model for 384 that has them for its own', () => {
    const small = new VisionTransformer({ ...shape, imageSize: 224 }).eval();
    const large = new VisionTransformer({ ...shape, imageSize: 384 }).eval();
    const state = new Map(small.stateDict()).set('pos_embed', small.positionsFor(384, 384).detach());
    large.loadStateDict(state);
    const images = torch.randn([1, 3, 384, 384]);
    const [a, b] = [small, large].map((model) => torch.noGrad(() => model.call(images)) as torch.Tensor[]);
    for (const head of [0, 1]) assert.ok(torch.equal(a![head]!, b![head]!));
  });
});

/** What a ViT's positions are made of. */
function bound(model: VisionTransformer) {
  return { posEmbed: model.posEmbed.detach(), positionsFor: model.positionsFor.bind(model) };
}

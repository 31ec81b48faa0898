/** What layers and functions refuse: misspelt options, values in the place of options, sizes that are none. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';

const { nn } = torch;
const F = nn.functional;
const x = torch.ones(2, 3);
const image = torch.ones(1, 3, 8, 8);
const labels = torch.tensor([0n, 1n]);

/** Takes options as JavaScript gives them, without TypeScript's look at their names. */
const calls: [name: string, (options: object) => unknown][] = [
  ['tensor()', (o) => torch.tensor([1], o)],
  ['zeros()', (o) => torch.zeros([2], o)],
  ['randn()', (o) => torch.randn(2, 3, o)],
  ['full()', (o) => torch.full([2], 1, o)],
  ['arange()', (o) => torch.arange(3, o)],
  ['to()', (o) => x.to(o)],
  ['to()', (o) => x.to('float64', o)],
  ['indexPut_()', (o) => x.indexPut_([0], 1, o)],
  ['isContiguous()', (o) => x.isContiguous(o)],
  ['backward()', (o) => torch.ones(1, { requiresGrad: true }).exp().backward(o)],
  ['backward()', (o) => torch.autograd.backward([torch.ones(1, { requiresGrad: true }).exp()], o)],
  ['grad()', (o) => torch.autograd.grad([torch.ones(1, { requiresGrad: true }).exp()], [], o)],
  ['autocast()', (o) => torch.autocast('cpu', o, () => 1)],
  ['Linear', (o) => new nn.Linear(2, 3, o)],
  ['Conv2d', (o) => new nn.Conv2d(3, 8, 3, o)],
  ['BatchNorm2d', (o) => new nn.BatchNorm2d(3, o)],
  ['LayerNorm', (o) => new nn.LayerNorm(3, o)],
  ['Embedding', (o) => new nn.Embedding(3, 2, o)],
  ['DropPath', (o) => new nn.DropPath(0.1, o)],
  ['GELU', (o) => new nn.GELU(o)],
  ['AvgPool2d', (o) => new nn.AvgPool2d(2, o)],
  ['MaxPool2d', (o) => new nn.MaxPool2d(2, o)],
  ['CrossEntropyLoss', (o) => new nn.CrossEntropyLoss(o)],
  ['BCEWithLogitsLoss', (o) => new nn.BCEWithLogitsLoss(o)],
  ['MSELoss', (o) => new nn.MSELoss(o)],
  ['KLDivLoss', (o) => new nn.KLDivLoss(o)],
  ['Parameter', (o) => new nn.Parameter(x, o)],
  ['Module.to()', (o) => new nn.Linear(2, 3).to(o)],
  ['loadStateDict()', (o) => new nn.Linear(2, 3).loadStateDict({}, o)],
  ['zeroGrad()', (o) => new nn.Linear(2, 3).zeroGrad(o)],
  ['crossEntropy()', (o) => F.crossEntropy(x, labels, o)],
  ['nllLoss()', (o) => F.nllLoss(x, labels, o)],
  ['mseLoss()', (o) => F.mseLoss(x, x, o)],
  ['l1Loss()', (o) => F.l1Loss(x, x, o)],
  ['smoothL1Loss()', (o) => F.smoothL1Loss(x, x, o)],
  ['binaryCrossEntropy()', (o) => F.binaryCrossEntropy(x, x, o)],
  ['binaryCrossEntropyWithLogits()', (o) => F.binaryCrossEntropyWithLogits(x, x, o)],
  ['klDiv()', (o) => F.klDiv(x, x, o)],
  ['gelu()', (o) => F.gelu(x, o)],
  ['softmax()', (o) => F.softmax(x, 1, o)],
  ['logSoftmax()', (o) => F.logSoftmax(x, 1, o)],
  ['dropout()', (o) => F.dropout(x, o)],
  ['dropPath()', (o) => F.dropPath(x, o)],
  ['layerNorm()', (o) => F.layerNorm(x, [3], o)],
  ['batchNorm()', (o) => F.batchNorm(x, null, null, o)],
  ['normalize()', (o) => F.normalize(x, o)],
  ['cosineSimilarity()', (o) => F.cosineSimilarity(x, x, o)],
  ['embedding()', (o) => F.embedding(labels, x, o)],
  ['conv2d()', (o) => F.conv2d(image, torch.ones(1, 3, 1, 1), null, o)],
  ['unfold()', (o) => F.unfold(image, 2, o)],
  ['maxPool2d()', (o) => F.maxPool2d(image, 2, o)],
  ['avgPool2d()', (o) => F.avgPool2d(image, 2, o)],
  ['interpolate()', (o) => F.interpolate(image, { size: 4, ...o })],
  ['pad()', (o) => F.pad(x, [1, 1], o)],
  ['scaledDotProductAttention()', (o) => F.scaledDotProductAttention(x, x, x, o)],
  ['uniform_()', (o) => nn.init.uniform_(x, o)],
  ['normal_()', (o) => nn.init.normal_(x, o)],
  ['truncNormal_()', (o) => nn.init.truncNormal_(x, o)],
  ['xavierUniform_()', (o) => nn.init.xavierUniform_(x, o)],
  ['xavierNormal_()', (o) => nn.init.xavierNormal_(x, o)],
  ['orthogonal_()', (o) => nn.init.orthogonal_(x, o)],
  ['kaiming initialiser', (o) => nn.init.kaimingUniform_(x, o)],
  ['clipGradNorm_()', (o) => torch.optim.clipGradNorm_([x], 1, o)],
  ['totalGradNorm()', (o) => torch.optim.totalGradNorm([x], o)],
  ['SGD', (o) => new torch.optim.SGD([x], o)],
  ['safetensors.serialize()', (o) => torch.safetensors.serialize({}, o)],
  ['safetensors.load()', (o) => torch.safetensors.load('/nowhere', o)],
];

suite('options', () => {
  for (const [name, call] of calls)
    test(`of ${name} with an unknown name are refused`, () => {
      const message = new RegExp(`^${name.replace(/[()]/g, '\\$&')}: unknown option 'no_such'; the options are \\w+`);
      assert.throws(() => call({ no_such: 1 }), { name: 'TorchError', code: 'ARGUMENT', message });
    });

  test('in snake_case are answered with the name in camelCase', () => {
    const options = { label_smoothing: 0.1 } as object;
    const message = "crossEntropy(): unknown option 'label_smoothing'; did you mean 'labelSmoothing'?";
    assert.throws(() => F.crossEntropy(x, labels, options), { message });
  });

  test('cannot be given as positional values', () => {
    assert.throws(() => F.dropout(x, 0.5 as never), { code: 'ARGUMENT', message: /^dropout\(\): expected an object/ });
    assert.throws(() => F.crossEntropy(x, labels, torch.ones(3) as never), { message: /\(weight, .*got a Tensor/ });
    assert.throws(() => new nn.Linear(2, 3, false as never), { message: /^Linear: expected .*\(bias, .*got false/ });
  });

  test('that are undefined count as left out, whatever their name', () => {
    assert.equal(F.dropout(x, { p: undefined, other: undefined } as object).shape.length, 2);
    assert.equal(new nn.Linear(2, 3, { bias: undefined }).bias?.shape[0], 3);
  });

  test('of any length are cut off in messages', () => {
    assert.throws(
      () => F.dropout(x, { ['y'.repeat(1e6)]: 1 } as object),
      (error: Error) => error.message.length < 200,
    );
  });
});

suite('sizes of layers', () => {
  const absent = undefined as unknown as number;
  const wrong: [() => unknown, RegExp][] = [
    [() => new nn.Linear(absent, 3), /^Linear: inFeatures must be a whole number of at least 0, got undefined$/],
    [() => new nn.Linear(2, -3), /^Linear: outFeatures must be .*got -3$/],
    [() => new nn.Conv2d(3, 8, absent), /^Conv2d: kernelSize must be .*at least 1, or a pair of them, got undefined$/],
    [() => new nn.Conv2d(3, 8, 3, { stride: 'x' as unknown as number }), /^Conv2d: stride must be .*the string "x"$/],
    [() => new nn.Conv2d(3, 8, 3, { stride: 0 }), /^Conv2d: stride must be .*got 0$/],
    [() => new nn.Conv2d(3, 8, 3, { padding: [1, -1] }), /^Conv2d: padding must be .*got \[1, -1\]$/],
    [() => new nn.Conv2d(3, 8, 3, { groups: 1.5 }), /^Conv2d: groups must be .*got 1\.5$/],
    [() => new nn.BatchNorm1d(absent), /^BatchNorm1d: numFeatures must be .*got undefined$/],
    [() => new nn.LayerNorm([]), /^LayerNorm: normalizedShape must be .*or an array of them, got \[\]$/],
    [() => new nn.Embedding(absent, 2), /^Embedding: numEmbeddings must be .*got undefined$/],
    [() => new nn.MaxPool2d([2, 2, 2] as unknown as number), /^MaxPool2d: kernelSize must be .*got \[2, 2, 2\]$/],
    [() => new nn.AvgPool2d(0), /^AvgPool2d: kernelSize must be .*got 0$/],
    [() => new nn.AdaptiveAvgPool2d(absent), /^AdaptiveAvgPool2d: outputSize must be .*got undefined$/],
  ];
  for (const [make, message] of wrong)
    test(`are named: ${message.source.slice(1, 40)}`, () => {
      assert.throws(make, { name: 'TorchError', code: 'ARGUMENT', message });
    });
});

/**
 * The engine on a card against the same on the CPU: values and gradients of layers, losses and whole networks, optimizers,
 * autocast, generators, memory, errors. Skipped where there is no card.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';

const { nn } = torch;
const F = nn.functional;
const hasCard = torch.cuda.isAvailable();
/** With DEVICE=cpu the CPU takes the place of the card, which shows that the tests themselves are right. */
const device = process.env.DEVICE === 'cpu' ? 'cpu' : 'cuda';
const onlyCard = { skip: device === 'cpu' && 'DEVICE=cpu' };

function inputs() {
  torch.manualSeed(1);
  return {
    x: torch.randn(8, 16),
    w: torch.randn(12, 16),
    image: torch.randn(4, 8, 12, 10),
    kernel: torch.randn(6, 8, 3, 3).mul(0.2),
    q: torch.randn(2, 3, 20, 16),
    k: torch.randn(2, 3, 20, 16),
    v: torch.randn(2, 3, 20, 16),
    g: torch.rand(8).add(0.5),
    labels: torch.randint(12, [8]),
    soft: torch.rand(8, 12).softmax(1),
  };
}
type Inputs = ReturnType<typeof inputs>;

/** Each gives one tensor; gradients are those of its sum, weighted. */
const functions: [name: string, run: (i: Inputs) => torch.Tensor][] = [
  ['linear', ({ x, w }) => F.linear(x, w)],
  ['matmul of batches', ({ q, k }) => q.matmul(k.transpose(-2, -1))],
  ['conv2d', ({ image, kernel }) => F.conv2d(image, kernel, null, { padding: 1, stride: 2 })],
  [
    'conv2d, channels last',
    ({ image, kernel }) => F.conv2d(image.contiguous({ memoryFormat: 'channels_last' }), kernel, null, { padding: 1 }),
  ],
  ['layerNorm', ({ x }) => F.layerNorm(x, [16])],
  ['gelu', ({ x }) => F.gelu(x)],
  ['softmax', ({ x }) => x.softmax(1)],
  ['attention', ({ q, k, v }) => F.scaledDotProductAttention(q, k, v)],
  ['cross-entropy of labels', ({ x, w, labels }) => F.crossEntropy(F.linear(x, w), labels, { labelSmoothing: 0.1 })],
  ['cross-entropy of soft targets', ({ x, w, soft }) => F.crossEntropy(F.linear(x, w), soft)],
  ['average pooling', ({ image }) => F.avgPool2d(image, 2)],
  ['maximum pooling', ({ image }) => F.maxPool2d(image, 2)],
  [
    'bicubic resize with antialias',
    ({ image }) => F.interpolate(image, { size: [7, 7], mode: 'bicubic', antialias: true }),
  ],
  ['normalize', ({ x }) => F.normalize(x, { dim: 1 })],
  ['sort and sums', ({ x }) => x.sort(1)[0].cumsum(1)],
  ['index and cat', ({ x }) => torch.cat([x.narrow(0, 0, 3), x.flip(0)], 0)],
];

/** Values and gradients, on the CPU, of `run` on `place`. */
function evaluate(run: (i: Inputs) => torch.Tensor, place: string): { value: torch.Tensor; gradients: torch.Tensor[] } {
  const given = Object.entries(inputs()).map(([name, tensor]) => [name, tensor.to(place)] as const);
  const leaves = given.filter(([, tensor]) => tensor.isFloatingPoint()).map(([, tensor]) => tensor.requiresGrad_());
  const value = run(Object.fromEntries(given) as unknown as Inputs);
  value
    .mul(torch.arange(value.numel(), { device: place }).remainder(7).add(1).view(value.shape))
    .sum()
    .backward();
  const gradients = leaves.flatMap(({ grad }) => (grad === null ? [] : [grad.cpu()]));
  return { value: value.detach().cpu(), gradients };
}

/** Largest difference in relation to the largest value. */
function apart(actual: torch.Tensor, expected: torch.Tensor): number {
  assert.deepEqual([actual.shape, actual.dtype], [expected.shape, expected.dtype]);
  const scale = Math.max(expected.abs().max().toNumber(), 1e-3);
  return actual.sub(expected).abs().max().toNumber() / scale;
}

/** cuDNN's convolutions multiply in TF32 by default, with 10 bits; all else adds up float32 in another order. */
const toleranceOf = (name: string): number => (/conv|network/.test(name) ? 5e-3 : 1e-4);

function network(place: string): torch.nn.AnyModule {
  torch.manualSeed(2);
  return new nn.Sequential(
    new nn.Conv2d(3, 8, 3, { padding: 1 }),
    new nn.BatchNorm2d(8),
    new nn.ReLU(),
    new nn.Flatten(),
    new nn.Linear(8 * 64, 5),
  ).to(place);
}

/** Losses of a few steps of training. */
function train(
  place: string,
  make: (parameters: torch.nn.Parameter[]) => { step(): void; zeroGrad(): void },
): number[] {
  const model = network(place);
  torch.manualSeed(3);
  const images = torch.randn(16, 3, 8, 8).to(place);
  const labels = torch.randint(5, [16]).to(place);
  const optimizer = make([...model.parameters()]);
  return Array.from({ length: 5 }, () => {
    const loss = F.crossEntropy(model.call(images) as torch.Tensor, labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss.toNumber();
  });
}

suite('a card against the CPU', { skip: !hasCard && device !== 'cpu' && 'there is no card' }, () => {
  for (const [name, run] of functions)
    test(`${name}: value and gradients`, () => {
      const [actual, expected] = [evaluate(run, device), evaluate(run, 'cpu')];
      assert.ok(
        apart(actual.value, expected.value) <= toleranceOf(name),
        `value: ${apart(actual.value, expected.value)}`,
      );
      assert.equal(actual.gradients.length, expected.gradients.length);
      for (const [i, gradient] of actual.gradients.entries())
        assert.ok(apart(gradient, expected.gradients[i]!) <= toleranceOf(name), `gradient ${i}`);
    });

  for (const [name, make] of [
    ['SGD', (parameters) => new torch.optim.SGD(parameters, { lr: 0.05, momentum: 0.9 })],
    ['AdamW', (parameters) => new torch.optim.AdamW(parameters, { lr: 0.01 })],
    ['Lamb', (parameters) => new torch.optim.Lamb(parameters, { lr: 0.01 })],
  ] as [string, Parameters<typeof train>[1]][])
    test(`a network trained by ${name} has the same losses`, () => {
      const [actual, expected] = [train(device, make), train('cpu', make)];
      for (const [i, loss] of actual.entries())
        assert.ok(Math.abs(loss - expected[i]!) < 2e-2, `${actual} ${expected}`);
      assert.ok(actual.at(-1)! < actual[0]!);
    });

  test('autocast multiplies in bfloat16, and gradients come back in float32', () => {
    const x = torch.randn([64, 64], { device, requiresGrad: true });
    const y = torch.autocast(device, { dtype: 'bfloat16' }, () => x.matmul(x));
    assert.equal(y.dtype, 'bfloat16');
    y.float().sum().backward();
    assert.equal(x.grad!.dtype, 'float32');
    assert.ok(apart(y.float().cpu(), x.detach().cpu().matmul(x.detach().cpu())) < 2e-2);
  });

  test('a seed draws the same numbers again, and a generator state continues', () => {
    const generator = new torch.Generator(device).manualSeed(5);
    const draw = (): torch.Tensor => torch.randn([100], { device, generator }).cpu();
    const first = draw();
    const state = generator.getState();
    const second = draw();
    generator.setState(state);
    assert.equal(apart(draw(), second), 0);
    generator.manualSeed(5);
    assert.equal(apart(draw(), first), 0);
  });

  test('files are written from a card and read back', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-torch-cuda-'));
    try {
      const file = path.join(folder, 'x.safetensors');
      const x = torch.randn([3, 5], { device });
      torch.safetensors.save(file, new Map([['x', x]]));
      assert.equal(apart(torch.safetensors.load(file).get('x')!, x.cpu()), 0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('memory returns when a scope ends', onlyCard, () => {
    const before = torch.cuda.memoryStats().allocated;
    torch.tidy(() => void torch.zeros([1024, 1024], { device }));
    assert.equal(torch.cuda.memoryStats().allocated, before);
    assert.ok(torch.cuda.memoryStats().peakAllocated >= before + 4 * 1024 ** 2);
  });

  test('too little memory is an error, after which the card works', onlyCard, () => {
    assert.throws(() => torch.zeros([2 ** 21, 2 ** 21], { device }), /memory/i);
    assert.equal(torch.ones([3], { device }).sum().toNumber(), 3);
  });

  test('tensors on two devices are refused', onlyCard, () => {
    assert.throws(() => torch.ones([2, 2], { device }).matmul(torch.ones(2, 2)), /device/);
  });
});

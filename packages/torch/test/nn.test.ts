/** Layers against PyTorch's: values, gradients of inputs and parameters, buffers, and how they print. */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference, type Tolerance, withoutNormBias } from './reference/reference.js';

const { nn } = torch;

interface LayerCase {
  /** The same module in Python. */
  python: string;
  module: () => torch.nn.AnyModule;
  inputs: () => torch.Tensor[];
  mode?: 'train' | 'eval';
  tolerance?: Tolerance;
}

const close: Tolerance = { rtol: 1e-5, atol: 5e-6 };
const image = (): torch.Tensor[] => [torch.randn([3, 4, 9, 8])];
const rows = (): torch.Tensor[] => [torch.randn([5, 6])];

const layers: Record<string, LayerCase> = {
  Linear: { python: 'nn.Linear(6, 7)', module: () => new nn.Linear(6, 7), inputs: rows },
  'Linear without bias, of three dimensions': {
    python: 'nn.Linear(6, 7, bias=False)',
    module: () => new nn.Linear(6, 7, { bias: false }),
    inputs: () => [torch.randn([2, 5, 6])],
  },
  Conv2d: { python: 'nn.Conv2d(4, 6, 3)', module: () => new nn.Conv2d(4, 6, 3), inputs: image },
  'Conv2d with stride, padding, dilation, groups and no bias': {
    python: 'nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2, bias=False)',
    module: () =>
      new nn.Conv2d(4, 6, [3, 2], { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2, bias: false }),
    inputs: image,
  },
  "Conv2d with padding 'same'": {
    python: "nn.Conv2d(4, 6, (4, 3), padding='same', dilation=2)",
    module: () => new nn.Conv2d(4, 6, [4, 3], { padding: 'same', dilation: 2 }),
    inputs: image,
  },
  "Conv2d with padding 'valid'": {
    python: "nn.Conv2d(4, 6, 3, padding='valid')",
    module: () => new nn.Conv2d(4, 6, 3, { padding: 'valid' }),
    inputs: image,
  },
  ...Object.fromEntries(
    (['reflect', 'replicate', 'circular'] as const).map((paddingMode): [string, LayerCase] => [
      `Conv2d with paddingMode '${paddingMode}'`,
      {
        python: `nn.Conv2d(4, 6, 3, padding=(1, 2), padding_mode='${paddingMode}')`,
        module: () => new nn.Conv2d(4, 6, 3, { padding: [1, 2], paddingMode }),
        inputs: image,
      },
    ]),
  ),
  "Conv2d with padding 'same' and paddingMode 'reflect'": {
    python: "nn.Conv2d(4, 6, (4, 2), padding='same', padding_mode='reflect')",
    module: () => new nn.Conv2d(4, 6, [4, 2], { padding: 'same', paddingMode: 'reflect' }),
    inputs: image,
  },
  BatchNorm1d: { python: 'nn.BatchNorm1d(6)', module: () => new nn.BatchNorm1d(6), inputs: rows },
  'BatchNorm1d of three dimensions': {
    python: 'nn.BatchNorm1d(6, eps=1e-3, momentum=0.3)',
    module: () => new nn.BatchNorm1d(6, { eps: 1e-3, momentum: 0.3 }),
    inputs: () => [torch.randn([4, 6, 5])],
  },
  BatchNorm2d: { python: 'nn.BatchNorm2d(4)', module: () => new nn.BatchNorm2d(4), inputs: image },
  'BatchNorm2d in evaluation': {
    python: 'nn.BatchNorm2d(4)',
    module: () => new nn.BatchNorm2d(4),
    inputs: image,
    mode: 'eval',
  },
  'BatchNorm2d without parameters': {
    python: 'nn.BatchNorm2d(4, affine=False)',
    module: () => new nn.BatchNorm2d(4, { affine: false }),
    inputs: image,
  },
  'BatchNorm2d without running statistics, in evaluation': {
    python: 'nn.BatchNorm2d(4, track_running_stats=False)',
    module: () => new nn.BatchNorm2d(4, { trackRunningStats: false }),
    inputs: image,
    mode: 'eval',
  },
  LayerNorm: { python: 'nn.LayerNorm(6, eps=1e-6)', module: () => new nn.LayerNorm(6, { eps: 1e-6 }), inputs: rows },
  'LayerNorm over two dimensions': {
    python: 'nn.LayerNorm([9, 8])',
    module: () => new nn.LayerNorm([9, 8]),
    inputs: image,
  },
  'LayerNorm without parameters': {
    python: 'nn.LayerNorm(6, elementwise_affine=False)',
    module: () => new nn.LayerNorm(6, { elementwiseAffine: false }),
    inputs: rows,
  },
  Embedding: {
    python: 'nn.Embedding(9, 5)',
    module: () => new nn.Embedding(9, 5),
    inputs: () => [torch.randint(0, 9, [3, 4])],
  },
  'Embedding with paddingIdx and scaleGradByFreq': {
    python: 'nn.Embedding(9, 5, padding_idx=-2, scale_grad_by_freq=True)',
    module: () => new nn.Embedding(9, 5, { paddingIdx: -2, scaleGradByFreq: true }),
    inputs: () => [torch.randint(5, 9, [3, 4])],
  },
  'Dropout in evaluation': { python: 'nn.Dropout(0.3)', module: () => new nn.Dropout(0.3), inputs: rows, mode: 'eval' },
  ReLU: { python: 'nn.ReLU()', module: () => new nn.ReLU(), inputs: rows },
  GELU: { python: 'nn.GELU()', module: () => new nn.GELU(), inputs: rows },
  'GELU with the tanh approximation': {
    python: "nn.GELU(approximate='tanh')",
    module: () => new nn.GELU({ approximate: 'tanh' }),
    inputs: rows,
  },
  SiLU: { python: 'nn.SiLU()', module: () => new nn.SiLU(), inputs: rows },
  Sigmoid: { python: 'nn.Sigmoid()', module: () => new nn.Sigmoid(), inputs: rows },
  Tanh: { python: 'nn.Tanh()', module: () => new nn.Tanh(), inputs: rows },
  Softmax: { python: 'nn.Softmax(dim=-1)', module: () => new nn.Softmax(-1), inputs: rows },
  Identity: { python: 'nn.Identity()', module: () => new nn.Identity(), inputs: rows },
  Flatten: { python: 'nn.Flatten()', module: () => new nn.Flatten(), inputs: image },
  'Flatten of some dimensions': { python: 'nn.Flatten(0, 1)', module: () => new nn.Flatten(0, 1), inputs: image },
  AvgPool2d: { python: 'nn.AvgPool2d(2)', module: () => new nn.AvgPool2d(2), inputs: image },
  'AvgPool2d with all options': {
    python: 'nn.AvgPool2d((3, 2), stride=2, padding=1, ceil_mode=True, count_include_pad=False, divisor_override=5)',
    module: () =>
      new nn.AvgPool2d([3, 2], { stride: 2, padding: 1, ceilMode: true, countIncludePad: false, divisorOverride: 5 }),
    inputs: image,
  },
  MaxPool2d: { python: 'nn.MaxPool2d(2)', module: () => new nn.MaxPool2d(2), inputs: image },
  'MaxPool2d with all options': {
    python: 'nn.MaxPool2d(3, stride=(2, 1), padding=1, dilation=2, ceil_mode=True)',
    module: () => new nn.MaxPool2d(3, { stride: [2, 1], padding: 1, dilation: 2, ceilMode: true }),
    inputs: image,
  },
  AdaptiveAvgPool2d: { python: 'nn.AdaptiveAvgPool2d(1)', module: () => new nn.AdaptiveAvgPool2d(1), inputs: image },
  'AdaptiveAvgPool2d with a size per axis': {
    python: 'nn.AdaptiveAvgPool2d((5, None))',
    module: () => new nn.AdaptiveAvgPool2d([5, null]),
    inputs: image,
  },
  Sequential: {
    python:
      'nn.Sequential(nn.Conv2d(4, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(210, 3))',
    module: () =>
      new nn.Sequential(
        new nn.Conv2d(4, 5, 3, { bias: false }),
        new nn.BatchNorm2d(5),
        new nn.ReLU(),
        new nn.Flatten(),
        new nn.Linear(210, 3),
      ),
    inputs: image,
    tolerance: { rtol: 1e-4, atol: 2e-5 },
  },
};

const reference = new Reference();
after(() => reference.stop());

type LayerAnswer = {
  y: torch.Tensor;
  g: torch.Tensor;
  inputs: (torch.Tensor | null)[];
  grads: Record<string, torch.Tensor>;
  buffers: Record<string, torch.Tensor>;
  names: string[];
  repr: string;
};

const runLayer = `
m.load_state_dict(state)
m.train(training)
xs = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
y = m(*xs)
g = torch.cos(torch.arange(y.numel(), dtype=torch.float32)).reshape(y.shape)
y.backward(g)
out = {"y": y, "g": g, "inputs": [x.grad for x in xs], "repr": repr(m), "names": list(m.state_dict()),
       "grads": {n: p.grad for n, p in m.named_parameters()}, "buffers": dict(m.named_buffers())}
`;

suite('nn layers equal PyTorch', () => {
  let printsNormBias = true;
  before(async () => {
    printsNormBias = await reference.isAtLeast(2, 14);
  });

  for (const [name, { python, module, inputs, mode = 'train', tolerance = close }] of Object.entries(layers)) {
    test(`${name}: values, gradients, buffers and text`, async () => {
      torch.manualSeed(7);
      const ours = module().train(mode === 'train');
      // Values that the initialisation does not have: a running mean other than 0, a weight other than 1.
      torch.noGrad(() => {
        for (const tensor of [...ours.parameters(), ...ours.buffers()])
          if (tensor.dtype === 'float32') tensor.add_(torch.rand(tensor.shape));
      });
      const xs = inputs();
      const state = Object.fromEntries(ours.stateDict());
      const expected = await reference.run<LayerAnswer>(`m = ${python}\n${runLayer}`, {
        state,
        inputs: xs,
        training: mode === 'train',
      });
      for (const x of xs) if (x.dtype === 'float32') x.requiresGrad_();
      const y = ours.call(...xs) as torch.Tensor;
      y.backward({ gradient: expected.g });
      const { grads, buffers } = expected;
      assertClose(y, expected.y, tolerance, 'output');
      xs.forEach((x, i) => {
        if (x.requiresGrad) assertClose(x.grad, expected.inputs[i], tolerance, `gradient of input ${i}`);
      });
      assert.deepEqual(
        ours.namedParameters().map(([path]) => path),
        Object.keys(grads),
      );
      for (const [path, parameter] of ours.namedParameters())
        assertClose(parameter.grad, grads[path], tolerance, `gradient of ${path}`);
      for (const [path, buffer] of ours.namedBuffers()) assertClose(buffer, buffers[path], tolerance, path);
      assert.deepEqual([...ours.stateDict().keys()], expected.names);
      assert.equal(printsNormBias ? String(ours) : withoutNormBias(String(ours)), expected.repr);
    });
  }
});

suite('nn.BatchNorm2d running statistics', () => {
  for (const momentum of [0.1, null]) {
    test(`equal PyTorch's over four batches with momentum ${momentum}`, async () => {
      torch.manualSeed(1);
      const batches = Array.from({ length: 4 }, () => torch.randn([6, 3, 2, 2]).mul(2).add(1));
      const { state, y } = await reference.run<{ state: Record<string, torch.Tensor>; y: torch.Tensor }>(
        'm = nn.BatchNorm2d(3, momentum=momentum)\nfor x in batches: m(x)\nout["state"] = dict(m.state_dict())\nm.eval(); out["y"] = m(batches[0])',
        { batches, momentum },
      );
      const ours = new nn.BatchNorm2d(3, { momentum });
      for (const batch of batches) ours.call(batch);
      for (const [name, tensor] of ours.stateDict()) assertClose(tensor, state[name], close, name);
      assertClose(ours.eval().call(batches[0] as torch.Tensor), y, close);
    });
  }

  test('do not change in evaluation, and start again with resetRunningStats()', () => {
    const norm = new nn.BatchNorm2d(3);
    norm.call(torch.randn([2, 3, 4, 4]));
    const before = norm.runningMean?.toArray();
    norm.eval().call(torch.randn([2, 3, 4, 4]));
    assert.deepEqual(norm.runningMean?.toArray(), before);
    assert.equal(norm.numBatchesTracked?.toNumber(), 1);
    norm.resetRunningStats();
    assert.deepEqual([norm.runningMean?.toArray(), norm.numBatchesTracked?.toNumber()], [[0, 0, 0], 0]);
  });
});

suite('random layers draw what PyTorch draws', () => {
  test('Dropout, and its gradient', async () => {
    const x = torch.randn([40, 30]);
    const expected = await reference.run(
      'x.requires_grad_(); torch.manual_seed(3); y = nn.Dropout(0.3)(x); y.sum().backward(); out = {"y": y, "g": x.grad}',
      { x },
    );
    torch.manualSeed(3);
    const y = new nn.Dropout(0.3).call(x.requiresGrad_());
    y.sum().backward();
    assertClose(y, expected.y);
    assertClose(x.grad, expected.g);
  });

  test("DropPath by timm's formula, with and without scaling", async () => {
    const x = torch.randn([64, 5, 3]);
    const code = `
torch.manual_seed(5)
mask = x.new_empty((x.shape[0], 1, 1)).bernoulli_(keep)
out["kept"] = x * mask
torch.manual_seed(5)
mask = x.new_empty((x.shape[0], 1, 1)).bernoulli_(keep)
mask.div_(keep)
out["scaled"] = x * mask`;
    const expected = await reference.run(code, { x, keep: 1 - 0.35 });
    torch.manualSeed(5);
    assertClose(new nn.DropPath(0.35, { scaleByKeep: false }).call(x), expected.kept);
    torch.manualSeed(5);
    assertClose(new nn.DropPath(0.35).call(x), expected.scaled);
  });

  test('DropPath gives its input back in evaluation and at rate 0', () => {
    const x = torch.randn([4, 2]);
    assert.equal(new nn.DropPath(0.5).eval().call(x), x);
    assert.equal(new nn.DropPath(0).call(x), x);
    assert.equal(String(new nn.DropPath(0.1)), 'DropPath(drop_prob=0.100)');
  });
});

suite('nn layers under bfloat16 autocast', () => {
  const nets = {
    'a small convolutional net': {
      python:
        'nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))',
      net: () =>
        new nn.Sequential(
          new nn.Conv2d(3, 16, 3, { padding: 1, bias: false }),
          new nn.BatchNorm2d(16),
          new nn.ReLU(),
          new nn.Conv2d(16, 8, 3, { stride: 2 }),
          new nn.ReLU(),
          new nn.AdaptiveAvgPool2d(1),
          new nn.Flatten(),
          new nn.Linear(8, 10),
        ),
      x: () => torch.randn([4, 3, 16, 16]),
    },
    'an MLP with layer norm': {
      python: 'nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))',
      net: () => new nn.Sequential(new nn.LayerNorm(32), new nn.Linear(32, 64), new nn.GELU(), new nn.Linear(64, 32)),
      x: () => torch.randn([4, 9, 32]),
    },
  };
  for (const [name, { python, net, x: makeInput }] of Object.entries(nets)) {
    test(`${name} has PyTorch's dtype, values and gradients`, async () => {
      torch.manualSeed(11);
      const [ours, x] = [net(), makeInput()];
      const code = `m = ${python}; m.load_state_dict(state)
with torch.autocast("cpu", dtype=torch.bfloat16): y = m(x)
y.float().sum().backward()
out = {"y": y, "g": list(m.parameters())[0].grad}`;
      const expected = await reference.run(code, { x, state: Object.fromEntries(ours.stateDict()) });
      const y = torch.autocast('cpu', { dtype: 'bfloat16' }, () => ours.call(x));
      y.float().sum().backward();
      assertClose(y, expected.y, { rtol: 2e-2, atol: 1e-2 });
      assertClose(ours.parameters()[0]?.grad ?? null, expected.g, { rtol: 5e-2, atol: 5e-2 });
    });
  }
});

suite('nn layers refuse what does not fit', () => {
  const throws = (name: string, body: () => unknown, message: RegExp): void => {
    test(name, () => {
      assert.throws(body, (error: unknown) => error instanceof torch.TorchError && message.test(error.message));
    });
  };
  throws(
    'Linear: an input of another width',
    () => new nn.Linear(3, 2).call(torch.zeros([4, 5])),
    /mat1 and mat2 shapes cannot be multiplied \(4x5 and 3x2\).*float32\[4, 5\]/,
  );
  throws(
    'Conv2d: an input of other channels',
    () => new nn.Conv2d(3, 2, 1).call(torch.zeros([1, 4, 5, 5])),
    /to have 3 channels, but got 4 channels instead/,
  );
  throws(
    'Conv2d: an input of two dimensions',
    () => new nn.Conv2d(3, 2, 1).call(torch.zeros([4, 5])),
    /expected 3D or 4D input \(got 2D input\) \[input: float32\[4, 5\]\]/,
  );
  throws(
    'Conv2d: groups that do not divide',
    () => new nn.Conv2d(4, 6, 1, { groups: 4 }),
    /outChannels must be divisible by groups, got 6 and 4/,
  );
  throws(
    "Conv2d: 'same' padding with a stride",
    () => new nn.Conv2d(4, 6, 3, { stride: 2, padding: 'same' }),
    /not supported for strided convolutions/,
  );
  throws(
    'Conv2d: an unknown padding',
    () => new nn.Conv2d(4, 6, 3, { padding: 'full' as 'same' }),
    /Invalid padding string the string "full"/,
  );
  throws(
    'BatchNorm2d: an input of two dimensions',
    () => new nn.BatchNorm2d(3).call(torch.zeros([4, 3])),
    /expected 4D input \(got 2D input\)/,
  );
  throws(
    'BatchNorm1d: one value per channel',
    () => new nn.BatchNorm1d(3).call(torch.zeros([1, 3])),
    /Expected more than 1 value per channel when training, got input size \[1, 3\]/,
  );
  throws(
    'LayerNorm: an input of another shape',
    () => new nn.LayerNorm(3).call(torch.zeros([2, 4])),
    /normalized_shape=\[3\].*float32\[2, 4\]/s,
  );
  throws(
    'Embedding: an index out of range',
    () => new nn.Embedding(3, 2).call(torch.tensor([3n])),
    /index out of range/,
  );
  throws(
    'Embedding: a paddingIdx out of range',
    () => new nn.Embedding(3, 2, { paddingIdx: 3 }),
    /Padding_idx must be within num_embeddings, got 3 for 3 rows/,
  );
  throws(
    'Dropout: no probability',
    () => new nn.Dropout(1.5),
    /dropout probability has to be between 0 and 1, but got 1.5/,
  );
  throws(
    'DropPath: no probability',
    () => new nn.DropPath(Number.NaN),
    /drop path probability has to be between 0 and 1, but got NaN/,
  );
  throws(
    'Sequential: something that is no module',
    () => new nn.Sequential(new nn.ReLU(), 3 as never),
    /Sequential: 1 must be a Module, got 3/,
  );
});

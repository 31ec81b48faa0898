/** Initialisers and default weights: the same numbers as PyTorch's under the same seed, bit for bit. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const { nn } = torch;
const { init } = nn;
const reference = new Reference();
after(() => reference.stop());

type Drawn = { tensors: torch.Tensor[] };

suite('default weights equal PyTorch bit for bit', () => {
  const layers: [python: string, make: () => torch.nn.AnyModule][] = [
    ['nn.Linear(3, 4)', () => new nn.Linear(3, 4)],
    ['nn.Linear(37, 19, bias=False)', () => new nn.Linear(37, 19, { bias: false })],
    ['nn.Conv2d(3, 16, 3)', () => new nn.Conv2d(3, 16, 3)],
    ['nn.Conv2d(8, 16, (1, 5), groups=4)', () => new nn.Conv2d(8, 16, [1, 5], { groups: 4 })],
    ['nn.BatchNorm2d(5)', () => new nn.BatchNorm2d(5)],
    ['nn.BatchNorm1d(5)', () => new nn.BatchNorm1d(5)],
    ['nn.LayerNorm((2, 3))', () => new nn.LayerNorm([2, 3])],
    ['nn.Embedding(50, 7)', () => new nn.Embedding(50, 7)],
    ['nn.Embedding(5, 7, padding_idx=2)', () => new nn.Embedding(5, 7, { paddingIdx: 2 })],
    ['nn.Linear(5, 5, dtype=torch.float64)', () => new nn.Linear(5, 5, { dtype: 'float64' })],
  ];

  test('one layer after the other from one seed', async () => {
    const code = `torch.manual_seed(0); layers = [${layers.map(([python]) => python).join(', ')}]; out["states"] = [dict(m.state_dict()) for m in layers]`;
    const { states } = await reference.run<{ states: Record<string, torch.Tensor>[] }>(code);
    torch.manualSeed(0);
    const ours = layers.map(([, make]) => make());
    ours.forEach((layer, i) => {
      const expected = states[i] ?? {};
      assert.deepEqual([...layer.stateDict().keys()], Object.keys(expected));
      for (const [name, tensor] of layer.stateDict())
        assertClose(tensor, expected[name], {}, `${layers[i]?.[0]} ${name}`);
    });
  });

  test('resetParameters() draws them again', async () => {
    const { w } = await reference.run('torch.manual_seed(4); out["w"] = nn.Linear(3, 4).weight');
    const linear = new nn.Linear(3, 4);
    torch.manualSeed(4);
    linear.resetParameters();
    assertClose(linear.weight.detach(), w);
  });
});

/** PyTorch draws truncated normals by rejection from 2.14 on; before, and in timm, by the inverse distribution function, as we do. */
const inverseTruncNormal = `
import math, types
init = types.SimpleNamespace(**vars(nn.init))
def inverse(t, mean=0., std=1., a=-2., b=2.):
    cdf = lambda x: (1. + math.erf(x / math.sqrt(2.))) / 2.
    with torch.no_grad():
        t.uniform_(2 * cdf((a - mean) / std) - 1, 2 * cdf((b - mean) / std) - 1)
        return t.erfinv_().mul_(std * math.sqrt(2.)).add_(mean).clamp_(a, b)
if draws_by_rejection: init.trunc_normal_ = inverse`;

suite('nn.init equals torch.nn.init bit for bit', () => {
  const cases: [python: string, shape: number[], ours: (tensor: torch.Tensor) => torch.Tensor][] = [
    ['uniform_(t)', [9, 5], (t) => init.uniform_(t)],
    ['uniform_(t, -2, 3.5)', [9, 5], (t) => init.uniform_(t, { a: -2, b: 3.5 })],
    ['normal_(t, 1, 0.3)', [19, 5], (t) => init.normal_(t, { mean: 1, std: 0.3 })],
    ['constant_(t, 0.7)', [3], (t) => init.constant_(t, 0.7)],
    ['zeros_(t)', [3], init.zeros_],
    ['ones_(t)', [3], init.ones_],
    ['eye_(t)', [3, 4], init.eye_],
    ['xavier_uniform_(t, gain=1.7)', [7, 5], (t) => init.xavierUniform_(t, { gain: 1.7 })],
    ['xavier_normal_(t)', [7, 5, 3, 3], (t) => init.xavierNormal_(t)],
    ['kaiming_uniform_(t)', [7, 5], (t) => init.kaimingUniform_(t)],
    [
      "kaiming_uniform_(t, a=0.2, mode='fan_out')",
      [7, 5, 3],
      (t) => init.kaimingUniform_(t, { a: 0.2, mode: 'fan_out' }),
    ],
    [
      "kaiming_normal_(t, mode='fan_out', nonlinearity='relu')",
      [16, 5, 3, 3],
      (t) => init.kaimingNormal_(t, { mode: 'fan_out', nonlinearity: 'relu' }),
    ],
    ["kaiming_normal_(t, nonlinearity='tanh')", [4, 5], (t) => init.kaimingNormal_(t, { nonlinearity: 'tanh' })],
    ['trunc_normal_(t, std=0.02)', [65, 33], (t) => init.truncNormal_(t, { std: 0.02 })],
    ['trunc_normal_(t)', [65, 33], (t) => init.truncNormal_(t)],
    [
      'trunc_normal_(t, mean=0.3, std=0.7, a=-0.5, b=1.1)',
      [65, 33],
      (t) => init.truncNormal_(t, { mean: 0.3, std: 0.7, a: -0.5, b: 1.1 }),
    ],
  ];

  test('one tensor after the other from one seed', async () => {
    const lines = cases.map(([python, shape]) =>
      `t = torch.empty(${shape.join(', ')}); init.${python}; tensors.append(t)`.replace('empty(3)', 'empty([3])'),
    );
    const { tensors } = await reference.run<Drawn>(
      `${inverseTruncNormal}\ntorch.manual_seed(0); tensors = []\n${lines.join('\n')}\nout["tensors"] = tensors`,
      { draws_by_rejection: await reference.isAtLeast(2, 14) },
    );
    torch.manualSeed(0);
    cases.forEach(([python, shape, ours], i) => {
      const tensor = torch.empty(shape);
      assert.equal(ours(tensor), tensor);
      assertClose(tensor, tensors[i], {}, python);
    });
  });

  test('orthogonal_ to rounding, tall, wide and with four dimensions', async () => {
    const shapes = [
      [7, 4],
      [4, 7],
      [6, 2, 3, 3],
    ];
    const { tensors } = await reference.run<Drawn>(
      'torch.manual_seed(0); out["tensors"] = [nn.init.orthogonal_(torch.empty(*s), gain=1.3) for s in shapes]',
      { shapes },
    );
    torch.manualSeed(0);
    for (const [i, shape] of shapes.entries()) {
      assertClose(init.orthogonal_(torch.empty(shape), { gain: 1.3 }), tensors[i], { atol: 1e-5 });
    }
  });

  test('gains', async () => {
    const names = ['linear', 'conv2d', 'sigmoid', 'tanh', 'relu', 'leaky_relu', 'selu'] as const;
    const { gains } = await reference.run<{ gains: number[] }>(
      'out["gains"] = [nn.init.calculate_gain(n) for n in names]',
      { names: [...names] },
    );
    assert.deepEqual(
      names.map((name) => init.calculateGain(name)),
      gains,
    );
  });

  test('a separate generator does not change the global stream', () => {
    const draw = (): unknown =>
      init.normal_(torch.empty([4]), { generator: new torch.Generator().manualSeed(1) }).toArray();
    torch.manualSeed(0);
    const first = draw();
    const after = torch.randn([1]).toArray();
    torch.manualSeed(0);
    assert.deepEqual(torch.randn([1]).toArray(), after);
    assert.deepEqual(draw(), first);
  });

  test('parameters change in place without being recorded', () => {
    const { weight } = new nn.Linear(2, 2);
    init.ones_(weight);
    assert.deepEqual(
      [weight.toArray(), weight.isLeaf, weight.requiresGrad],
      [
        [
          [1, 1],
          [1, 1],
        ],
        true,
        true,
      ],
    );
  });

  test('skipInit() draws nothing, and ends with its function, also when that throws', () => {
    torch.manualSeed(7);
    const wanted = torch.rand([3]).toArray();
    torch.manualSeed(7);
    const { weight } = init.skipInit(() => new nn.Linear(4, 4));
    assert.deepEqual(torch.rand([3]).toArray(), wanted);
    weight.detach().fill_(2);
    init.skipInit(() => init.skipInit(() => init.zeros_(weight)));
    assert.equal(weight.sum().toNumber(), 32);
    assert.throws(() => init.skipInit(() => init.kaimingUniform_(torch.empty([3]))), /Fan in/);
    assert.equal(init.zeros_(weight).sum().toNumber(), 0);
  });

  test('what does not fit is refused', () => {
    assert.throws(
      () => init.kaimingUniform_(torch.empty([3])),
      /Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got float32\[3\]/,
    );
    assert.throws(
      () => init.kaimingNormal_(torch.empty([3, 3]), { mode: 'fan' as 'fan_in' }),
      /Mode fan not supported/,
    );
    assert.throws(() => init.calculateGain('mish' as 'relu'), /Unsupported nonlinearity mish/);
    assert.throws(() => init.eye_(torch.empty([3])), /Only tensors with 2 dimensions/);
    assert.throws(() => init.orthogonal_(torch.empty([3])), /Only tensors with 2 or more dimensions/);
  });
});

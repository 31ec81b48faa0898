/** Printing, compared character by character with Python's `repr`. */
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { inspect } from 'node:util';
import { native } from '../src/binding/addon.js';
import * as torch from '../src/index.js';
import { pythonExponential, pythonFixed } from '../src/tensor/format-numbers.js';
import { settledLiveTensors } from './helpers/live-tensors.js';
import { Reference, type Value } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());
afterEach(() => torch.setPrintOptions({ profile: 'default' }));

interface Case {
  name: string;
  tensor: () => torch.Tensor;
  /** Python for the same tensor; `x` is ours, sent over. Default `x`. */
  python?: string;
  options?: Partial<torch.PrintOptions>;
  /** Python's names for them. */
  pythonOptions?: Record<string, Value>;
  skip?: string | false;
}

const random = (shape: number[], scale = 1, seed = 0): torch.Tensor => {
  torch.manualSeed(seed);
  return torch.randn(shape).mul(scale);
};
const float64 = (values: number[]): torch.Tensor => torch.tensor(values, { dtype: 'float64' });

const cases: Case[] = [
  { name: 'a scalar', tensor: () => torch.tensor(3.12345) },
  { name: 'a whole scalar', tensor: () => torch.tensor(3) },
  { name: 'a negative zero', tensor: () => torch.tensor(-0) },
  { name: 'a tiny scalar', tensor: () => torch.tensor(1.5e-7) },
  { name: 'an int64 scalar', tensor: () => torch.tensor(-7n) },
  { name: 'a bool scalar', tensor: () => torch.tensor(true) },
  { name: 'a NaN scalar', tensor: () => torch.tensor(Number.NaN) },
  { name: 'random floats', tensor: () => random([4, 5]) },
  { name: 'a vector that wraps', tensor: () => random([40]) },
  { name: 'wide rows that wrap', tensor: () => random([3, 25]) },
  { name: 'rows of bools that wrap', tensor: () => random([3, 30]).gt(0) },
  { name: 'a row that just fits', tensor: () => torch.ones([2, 17]) },
  { name: 'a row that just does not fit', tensor: () => torch.ones([2, 18]).mul(10) },
  { name: 'large values', tensor: () => random([6], 1e9) },
  { name: 'whole numbers above 1e8', tensor: () => torch.tensor([1e8, 2e8, 3e8]) },
  { name: 'whole numbers of 1e8', tensor: () => torch.tensor([1e8, 0, -1e8]) },
  { name: 'whole numbers far apart', tensor: () => torch.tensor([1, 1001]) },
  { name: 'whole numbers 1000 apart', tensor: () => torch.tensor([1, -1000]) },
  { name: 'tiny values', tensor: () => random([5], 1e-6) },
  { name: 'values far apart', tensor: () => torch.tensor([1e-3, 1.5, 2000.25]) },
  { name: 'values of 1e-4', tensor: () => float64([1e-4, 0.05]) },
  { name: 'values below 1e-4', tensor: () => float64([9.99e-5, 0.05]) },
  {
    name: 'exponents of three digits',
    tensor: () => float64([1e-120, 2.5e200, -3e-308, 5e-324, 1.7976931348623157e308]),
  },
  { name: 'ties, which Python rounds to even', tensor: () => float64([0.03125, 0.09375, -0.15625, 1.00003125, 2.5]) },
  { name: 'ties in scientific notation', tensor: () => float64([100005, 100015, 1.00005e9, 0.5, 999995]) },
  {
    name: 'whole numbers only',
    tensor: () =>
      torch.tensor([
        [1, -2],
        [300, 0],
      ]),
  },
  { name: 'zeros', tensor: () => torch.zeros([2, 3]) },
  { name: 'negative zeros among fractions', tensor: () => torch.tensor([-0, 0, 0.5, -0.00001]) },
  {
    name: 'NaN and infinities among fractions',
    tensor: () =>
      torch.tensor([
        [Number.NaN, 1.5],
        [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      ]),
  },
  {
    name: 'NaN and infinities among whole numbers',
    tensor: () => torch.tensor([Number.NaN, 12, Number.NEGATIVE_INFINITY, 0]),
  },
  {
    name: 'NaN and infinities among tiny numbers',
    tensor: () => torch.tensor([Number.NaN, 1e-10, Number.NEGATIVE_INFINITY]),
  },
  { name: 'only NaN, infinities and zeros', tensor: () => torch.tensor([Number.NaN, Number.NEGATIVE_INFINITY, 0, -0]) },
  {
    name: 'int64',
    tensor: () =>
      torch.tensor([
        [1n, -20n],
        [3000n, 0n],
      ]),
  },
  { name: 'int64 at its ends', tensor: () => torch.tensor([2n ** 63n - 1n, -(2n ** 63n)]) },
  { name: 'int32', tensor: () => torch.tensor([-1, 2, 2 ** 31 - 1], { dtype: 'int32' }) },
  { name: 'int16', tensor: () => torch.tensor([[-1, 2]], { dtype: 'int16' }) },
  { name: 'int8', tensor: () => torch.tensor([-128, 127], { dtype: 'int8' }) },
  { name: 'uint8', tensor: () => torch.tensor([0, 255], { dtype: 'uint8' }) },
  {
    name: 'bools',
    tensor: () =>
      torch.tensor([
        [true, false],
        [false, false],
      ]),
  },
  { name: 'float16', tensor: () => random([3, 4]).half() },
  { name: 'float16 at its end', tensor: () => torch.tensor([65504, 6e-8, 1.5]).half() },
  { name: 'bfloat16', tensor: () => random([3, 4]).bfloat16() },
  { name: 'float64', tensor: () => random([2, 2]).double() },
  { name: 'a dtype that takes a line of its own', tensor: () => random([1, 7]).double() },
  { name: '3 dimensions', tensor: () => random([2, 3, 4]) },
  { name: '5 dimensions', tensor: () => random([2, 1, 2, 2, 3]) },
  { name: 'a summarised vector', tensor: () => torch.arange(1001), python: 'torch.arange(1001)' },
  { name: 'a vector of 1000', tensor: () => torch.arange(1000), python: 'torch.arange(1000)' },
  { name: 'a summarised vector of floats', tensor: () => random([5000]) },
  { name: 'a summarised matrix', tensor: () => random([60, 70]) },
  { name: 'a summarised matrix of few columns', tensor: () => random([400, 6]) },
  { name: 'a summarised matrix of few rows', tensor: () => random([6, 400]) },
  {
    name: 'a summarised matrix whose middle is wider',
    tensor: () => torch.zeros([50, 50]).indexPut_(['10:40', '10:40'], 12345.678),
  },
  { name: 'a summarised tensor of 4 dimensions', tensor: () => random([7, 3, 9, 11]) },
  { name: 'summarised bools', tensor: () => random([40, 50]).gt(0) },
  { name: 'summarised float16', tensor: () => random([33, 34]).half() },
  { name: 'a summarised view', tensor: () => random([70, 60]).t().index('::2') },
  { name: 'an empty vector', tensor: () => torch.zeros([0]), python: 'torch.zeros(0)' },
  { name: 'an empty matrix', tensor: () => torch.zeros([0, 3]), python: 'torch.zeros(0, 3)' },
  {
    name: 'an empty int64 tensor',
    tensor: () => torch.zeros([2, 0, 3], { dtype: 'int64' }),
    python: 'torch.zeros(2, 0, 3, dtype=torch.int64)',
  },
  {
    name: 'an empty bool vector',
    tensor: () => torch.zeros([0], { dtype: 'bool' }),
    python: 'torch.zeros(0, dtype=torch.bool)',
  },
  {
    name: 'an empty tensor that requires a gradient',
    tensor: () => torch.zeros([0, 2], { requiresGrad: true }),
    python: 'torch.zeros(0, 2, requires_grad=True)',
  },
  { name: 'requires_grad', tensor: () => random([2, 2]).requiresGrad_(), python: 'x.requires_grad_()' },
  {
    name: 'requires_grad and a dtype',
    tensor: () => random([2, 2]).double().requiresGrad_(),
    python: 'x.requires_grad_()',
  },
  {
    name: 'many suffixes',
    tensor: () => torch.zeros([0, 123456], { dtype: 'bfloat16', requiresGrad: true }),
    python: 'torch.zeros(0, 123456, dtype=torch.bfloat16, requires_grad=True)',
  },
  {
    name: 'a meta tensor',
    tensor: () => torch.empty([2, 3], { device: 'meta', dtype: 'float64' }),
    python: "torch.empty(2, 3, device='meta', dtype=torch.float64)",
  },
  {
    name: 'a meta vector',
    tensor: () => torch.empty([2], { device: 'meta' }),
    python: "torch.empty(2, device='meta')",
  },
  {
    name: 'complex numbers',
    tensor: () => torch.viewAsComplex(random([3, 2])),
    python: 'torch.view_as_complex((torch.manual_seed(0), torch.randn(3, 2))[1])',
  },
  {
    name: 'a conjugate',
    tensor: () => torch.viewAsComplex(random([3, 2]).double()).conj(),
    python: 'torch.view_as_complex((torch.manual_seed(0), torch.randn(3, 2).double())[1]).conj()',
  },
  {
    name: 'the grad_fn of a sum',
    tensor: () => random([3]).requiresGrad_().sum(),
    python: 'torch.as_tensor((torch.manual_seed(0), torch.randn(3))[1]).requires_grad_().sum()',
  },
  {
    name: 'the grad_fn of a view written to',
    tensor: () => {
      const y = random([2, 2]).requiresGrad_().mul(1);
      y.index(0).mul_(2);
      return y;
    },
    python: '(lambda y: (y[0].mul_(2), y)[1])((torch.manual_seed(0), torch.randn(2, 2).requires_grad_() * 1)[1])',
  },
  { name: 'precision 2', tensor: () => random([4]), options: { precision: 2 }, pythonOptions: { precision: 2 } },
  {
    name: 'precision 0',
    tensor: () => float64([0.5, 1.5, 2.5, 10]),
    options: { precision: 0 },
    pythonOptions: { precision: 0 },
  },
  { name: 'precision 12', tensor: () => random([4]), options: { precision: 12 }, pythonOptions: { precision: 12 } },
  {
    name: 'scientific notation always',
    tensor: () => random([2, 3]),
    options: { sciMode: true },
    pythonOptions: { sci_mode: true },
  },
  {
    name: 'scientific notation for whole numbers',
    tensor: () => torch.tensor([1, 20, Number.NaN]),
    options: { sciMode: true },
    pythonOptions: { sci_mode: true },
  },
  {
    name: 'scientific notation for zeros',
    tensor: () => torch.zeros([2]),
    options: { sciMode: true },
    pythonOptions: { sci_mode: true },
  },
  {
    name: 'scientific notation never',
    tensor: () => float64([1e-9, 1e25, 1.5]),
    options: { sciMode: false },
    pythonOptions: { sci_mode: false },
  },
  {
    name: 'scientific notation never, whole numbers',
    tensor: () => float64([1, 1e25, -1e21]),
    options: { sciMode: false },
    pythonOptions: { sci_mode: false },
  },
  {
    name: 'lines of 40 columns',
    tensor: () => random([2, 12]).double(),
    options: { linewidth: 40 },
    pythonOptions: { linewidth: 40 },
  },
  {
    name: 'lines of 1 column',
    tensor: () => random([2, 3]),
    options: { linewidth: 1 },
    pythonOptions: { linewidth: 1 },
  },
  { name: 'edge items', tensor: () => random([30, 40]), options: { edgeitems: 5 }, pythonOptions: { edgeitems: 5 } },
  {
    name: 'a threshold',
    tensor: () => random([8, 8]),
    options: { threshold: 10, edgeitems: 1 },
    pythonOptions: { threshold: 10, edgeitems: 1 },
  },
  {
    name: 'a summarised row that wraps',
    tensor: () => random([2, 80]),
    options: { threshold: 10, edgeitems: 12 },
    pythonOptions: { threshold: 10, edgeitems: 12 },
  },
];

/** Python's `repr` of each case, under its options. */
async function reprs(list: readonly Case[]): Promise<string[]> {
  const { texts } = await reference.run<{ texts: string[] }>(
    `
texts = []
for code, x, options in zip(codes, xs, options):
    torch.set_printoptions(profile='default')
    torch.set_printoptions(**options)
    texts.append(repr(eval(code, {'torch': torch, 'x': x})))
out['texts'] = texts`,
    {
      codes: list.map(({ python = 'x' }) => python),
      xs: list.map(({ tensor, python = 'x' }) => (/\bx\b/.test(python) ? tensor().detach() : null)),
      options: list.map(({ pythonOptions = {} }) => pythonOptions),
    },
  );
  return texts;
}

suite('printing a tensor', () => {
  const run = cases.filter(({ skip }) => !skip);
  let expected: string[] = [];
  let widthFollowsSciMode = true;
  before(async () => {
    expected = await reprs(run);
    widthFollowsSciMode = await reference.isAtLeast(2, 11);
  });

  for (const [i, { name, tensor, options = {} }] of run.entries()) {
    test(`equals Python's repr: ${name}`, (t) => {
      if (options.sciMode !== undefined && !widthFollowsSciMode)
        return t.skip('before 2.11 the width was that of the style which sci_mode overrules');
      torch.setPrintOptions(options);
      assert.equal(String(tensor()), expected[i]);
    });
  }

  test("equals Python's repr for 300 random tensors", async () => {
    torch.manualSeed(3);
    const pick = (n: number): number => Number(torch.randint(0, n, [1]).item());
    const dtypes = ['float32', 'float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'uint8', 'bool'] as const;
    const many: Case[] = Array.from({ length: 300 }, (_, i) => {
      const shape = Array.from({ length: pick(4) }, () => 1 + pick(pick(3) === 0 ? 40 : 9));
      const scale = 10 ** (pick(16) - 8);
      const base = torch
        .randn(shape)
        .mul(scale)
        .mul(
          torch
            .randn(shape)
            .mul(pick(2) * 4)
            .exp(),
        );
      const x = (pick(3) === 0 ? base.round() : base).to(dtypes[pick(dtypes.length)] ?? 'float32');
      return { name: `${i}`, tensor: () => x };
    });
    const texts = await reprs(many);
    for (const [i, { tensor }] of many.entries()) assert.equal(String(tensor()), texts[i]);
  });

  test('reads only the edges of a huge one', () => {
    const huge = torch.arange(3).view([3, 1, 1]).expand([3, 1e6, 1e6]);
    assert.equal(
      String(huge.index(1)),
      `tensor([${new Array(3).fill('[1, 1, 1,  ..., 1, 1, 1]').join(',\n        ')},\n        ...,\n        ${new Array(3).fill('[1, 1, 1,  ..., 1, 1, 1]').join(',\n        ')}])`,
    );
    assert.match(String(huge.permute(1, 2, 0)), /^tensor\(\[\[\[0, 1, 2\],/);
  });

  test('shows the device', { skip: torch.cuda.isAvailable() ? false : 'no CUDA device' }, () => {
    assert.equal(String(torch.ones([2], { device: 'cuda' })), "tensor([1., 1.], device='cuda:0')");
  });

  test('shows what it can of a sparse tensor', () => {
    assert.equal(String(torch.eye(3).toSparse()), 'tensor(..., size=(3, 3), layout=torch.sparse_coo)');
  });

  test('marks a tensor that autograd made', () => {
    assert.match(String(torch.ones([2], { requiresGrad: true }).sum()), /^tensor\(2\., grad_fn=<SumBackward0>\)$/);
  });

  test('leaves no tensors behind and works in every mode', () => {
    const x = random([60, 70]).requiresGrad_();
    const text = String(x);
    const before = settledLiveTensors();
    torch.noGrad(() => assert.equal(String(x), text));
    torch.inferenceMode(() => assert.equal(String(x), text));
    torch.autocast('cpu', { dtype: 'bfloat16' }, () => assert.equal(String(x), text));
    torch.tidy(() => assert.equal(String(x), text));
    assert.equal(native().liveTensors(), before);
  });
});

suite('util.inspect() of a tensor', () => {
  const matrix = (): torch.Tensor =>
    torch.tensor([
      [1, 2],
      [3, 4],
    ]);

  test('is its text', () => {
    assert.equal(inspect(matrix()), 'tensor([[1., 2.],\n        [3., 4.]])');
  });

  test('is indented inside objects, arrays and Maps', () => {
    assert.equal(
      inspect({ weight: matrix(), epoch: 3 }),
      '{\n  weight: tensor([[1., 2.],\n          [3., 4.]]),\n  epoch: 3\n}',
    );
    assert.equal(
      inspect([matrix(), torch.ones([1])]),
      '[\n  tensor([[1., 2.],\n          [3., 4.]]),\n  tensor([1.])\n]',
    );
    assert.equal(inspect(new Map([['w', torch.ones([2])]])), "Map(1) { 'w' => tensor([1., 1.]) }");
  });

  test('reports that a tensor is disposed, and which operation made it', () => {
    const x = torch.zeros([1]);
    x.dispose();
    assert.match(inspect({ x }), /x: Tensor \(released, made by aten::zeros/);
    assert.throws(() => String(x), { code: 'DISPOSED' });
  });
});

suite('setPrintOptions()', () => {
  test('keeps what is absent, takes profiles, and resets', () => {
    torch.setPrintOptions({ precision: 2, sciMode: true });
    torch.setPrintOptions({ linewidth: 100 });
    assert.deepEqual(torch.getPrintOptions(), {
      precision: 2,
      threshold: 1000,
      edgeitems: 3,
      linewidth: 100,
      sciMode: true,
    });
    torch.setPrintOptions({ profile: 'short' });
    assert.deepEqual(torch.getPrintOptions(), {
      precision: 2,
      threshold: 1000,
      edgeitems: 2,
      linewidth: 80,
      sciMode: null,
    });
    torch.setPrintOptions({ profile: 'full', precision: 6 });
    assert.deepEqual(torch.getPrintOptions(), {
      precision: 6,
      threshold: Number.POSITIVE_INFINITY,
      edgeitems: 3,
      linewidth: 80,
      sciMode: null,
    });
    torch.setPrintOptions({ profile: 'default' });
    assert.deepEqual(torch.getPrintOptions(), {
      precision: 4,
      threshold: 1000,
      edgeitems: 3,
      linewidth: 80,
      sciMode: null,
    });
  });

  test('refuses what does not fit, and then changes nothing', () => {
    const before = torch.getPrintOptions();
    const refused = (options: object, message: RegExp): void =>
      assert.throws(() => torch.setPrintOptions(options), { name: 'TorchError', code: 'ARGUMENT', message });
    refused({ precision: -1 }, /precision must be a whole number from 0 to 90, got -1/);
    refused({ linewidth: 100, edgeitems: 0 }, /edgeitems must be a whole number of at least 1/);
    refused({ threshold: '5' }, /threshold must be a number/);
    refused({ sciMode: 1 }, /sciMode must be true, false or null/);
    refused({ profile: 'long' }, /profile must be one of default, short, full/);
    refused({ sci_mode: true }, /there is no option 'sci_mode'/);
    assert.deepEqual(torch.getPrintOptions(), before);
  });
});

suite("numbers in Python's form", () => {
  test("equal Python's format, ties and extremes included", async () => {
    torch.manualSeed(5);
    const spread = torch
      .randn([300])
      .double()
      .mul(torch.randn([300]).double().mul(30).exp());
    const values = [
      ...spread.toTypedArray<'float64'>(),
      ...Array.from({ length: 200 }, (_, i) => (i - 100) / 64),
      0,
      -0,
      9.5,
      0.95,
      99.5,
      999995,
      5e-324,
      1e21,
      1e22,
      123456789012345680000,
      2 ** 53 + 2,
      1e300,
    ];
    for (const digits of [0, 1, 2, 4, 7, 20]) {
      const { fixed, exponential } = await reference.run<{ fixed: string[]; exponential: string[] }>(
        'v = values.tolist(); out["fixed"] = ["{:.{}f}".format(x, digits) for x in v]; out["exponential"] = ["{:.{}e}".format(x, digits) for x in v]',
        { values: float64(values), digits },
      );
      assert.deepEqual(
        values.map((value) => pythonFixed(value, digits)),
        fixed,
      );
      assert.deepEqual(
        values.map((value) => pythonExponential(value, digits)),
        exponential,
      );
    }
  });
});

/**
 * Our own bfloat16 kernels (native/kernels.cc): against float64, against ATen, and as operators. GELU is tried with every
 * bfloat16 there is. Units are those of bfloat16's last place.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { composedAttention } from '../src/nn/functional/attention.js';
import { bfloat16Softmax } from '../src/nn/functional/bfloat16.js';
import { assertClose } from './reference/reference.js';

const F = torch.nn.functional;
const rowLengths = [1, 7, 16, 18, 38, 66, 197, 1000];

/** The bits as whole numbers that count the values in their order, so that neighbours differ by one. */
function ranks(tensor: torch.Tensor): number[] {
  const bits = tensor.detach().contiguous().view('int16').reshape([-1]).toTypedArray<'int16'>();
  return Array.from(bits, (word) => (word < 0 ? -(word & 0x7fff) : word));
}

/** The largest distance in units in the last place, of the elements that `where` (bool) keeps. */
function largestError(actual: torch.Tensor, expected: torch.Tensor, where?: torch.Tensor): number {
  return torch.tidy(() => {
    const [a, e] = [ranks(actual), ranks(expected.detach().bfloat16())];
    const kept = where?.reshape([-1]).to('uint8').toTypedArray<'uint8'>();
    return a.reduce(
      (worst, rank, i) => (kept?.[i] === 0 ? worst : Math.max(worst, Math.abs(rank - (e[i] as number)))),
      0,
    );
  });
}

const sameBits = (a: torch.Tensor, b: torch.Tensor): void => assert.deepEqual(ranks(a), ranks(b));

/** All 65,536 bit patterns. */
const everyBfloat16 = (): torch.Tensor => torch.arange(-32768, 32768).to('int16').view('bfloat16');

const numbers = (tensor: torch.Tensor): number[] => Array.from(tensor.detach().float().toTypedArray<'float32'>());

/** `body`'s result and the gradients of its inputs, for the output gradient `upstream`. */
function withGradients(inputs: torch.Tensor[], upstream: torch.Tensor, body: (...xs: torch.Tensor[]) => torch.Tensor) {
  const xs = inputs.map((x) => x.detach().clone().requiresGrad_());
  const y = body(...xs);
  return [y, ...torch.autograd.grad([y], xs, { gradOutputs: [upstream.to(y.dtype)] })] as [torch.Tensor, torch.Tensor];
}

/** GELU without cancellation in its left tail. */
const exactGelu = (x: torch.Tensor): torch.Tensor => x.mul(x.mul(-Math.SQRT1_2).erfc()).mul(0.5);

suite('bfloat16 gelu()', () => {
  test('is within one unit of float64 for every number, and its gradient too', () => {
    const x = everyBfloat16();
    const upstream = torch.ones([x.numel()], { dtype: 'bfloat16' });
    const [y, grad] = withGradients([x], upstream, (xs) => F.gelu(xs));
    const [exact, exactGrad] = withGradients([x.double()], upstream, exactGelu);
    assert.ok(largestError(y, exact, x.isfinite()) <= 1);
    assert.ok(largestError(grad, exactGrad, x.isfinite()) <= 1);
  });

  test("is within two units of ATen's, and its gradient too", () => {
    torch.manualSeed(1);
    const [x, upstream] = [torch.randn([64, 50]).bfloat16(), torch.randn([64, 50]).bfloat16()];
    const [y, grad] = withGradients([x], upstream, (xs) => F.gelu(xs));
    const [atenY, atenGrad] = withGradients([x], upstream, (xs) => torch.ops.aten.gelu.default(xs));
    const central = x.abs().lt(3); // further left ATen's 1 + erf(x) has lost its digits
    assert.ok(largestError(y, atenY, central) <= 2);
    assert.ok(largestError(grad, atenGrad, central) <= 2);
  });

  // ATen 1.13's values too; in 2.6 its own +∞ has become NaN.
  test('gives what x · Φ(x) gives for infinities, zero and NaN', () => {
    const x = torch.tensor([Infinity, -Infinity, NaN, 0]).bfloat16();
    const upstream = torch.ones([4], { dtype: 'bfloat16' });
    const ours = withGradients([x], upstream, (xs) => F.gelu(xs)).map(numbers);
    assert.deepEqual(ours, [
      [Infinity, NaN, NaN, 0],
      [NaN, NaN, NaN, 0.5],
    ]);
  });

  test('takes strided, empty and scalar tensors and keeps the strides', () => {
    const x = torch.randn([6, 40, 5]).bfloat16();
    for (const view of [x.transpose(0, 1), x.index(':', '::3'), x.index('::2', ':', '1:4'), x.index(0, 0, 0)]) {
      const packed = view.contiguous();
      const [y, grad] = withGradients([packed], packed, (xs) => F.gelu(xs));
      sameBits(F.gelu(view), y);
      const leaf = view.detach().requiresGrad_();
      sameBits(torch.autograd.grad([F.gelu(leaf)], [leaf], { gradOutputs: [view] })[0] as torch.Tensor, grad);
    }
    assert.deepEqual(F.gelu(x.transpose(0, 1)).stride(), x.transpose(0, 1).stride());
    assert.deepEqual(F.gelu(torch.zeros([0, 3], { dtype: 'bfloat16' })).shape, [0, 3]);
  });

  test('has a gradient of a sum, whose output gradient is one repeated number', () => {
    const x = torch.randn([33]).bfloat16().requiresGrad_();
    F.gelu(x).sum().backward();
    const expected = withGradients([x], torch.ones([33], { dtype: 'bfloat16' }), (xs) => F.gelu(xs))[1];
    sameBits(x.grad as torch.Tensor, expected);
  });

  test('can be differentiated twice', () => {
    const second = (gelu: (x: torch.Tensor) => torch.Tensor) => {
      const x = torch.linspace(-2, 2, 41).bfloat16().requiresGrad_();
      const [first] = torch.autograd.grad([gelu(x).sum()], [x], { createGraph: true }) as [torch.Tensor];
      return torch.autograd.grad([first.sum()], [x])[0] as torch.Tensor;
    };
    sameBits(
      second((x) => F.gelu(x)),
      second((x) => torch.ops.aten.gelu.default(x)),
    );
  });
});

suite('bfloat16 softmax(scale · x)', () => {
  for (const length of rowLengths) {
    test(`rows of ${length}: within one unit of float64 and two of ATen, gradients too`, () => {
      torch.manualSeed(length);
      const [x, upstream] = [torch.randn([3, 5, length]).mul(4).bfloat16(), torch.randn([3, 5, length]).bfloat16()];
      const [y, grad] = withGradients([x], upstream, (xs) => bfloat16Softmax(xs, 0.5));
      const [exact] = withGradients([x.double()], upstream, (xs) => xs.mul(0.5).softmax(-1));
      assert.ok(largestError(y, exact) <= 1);
      const [atenY, atenGrad] = withGradients([x], upstream, (xs) => xs.mul(0.5).softmax(-1)); // · 0.5 is exact
      assert.ok(largestError(y, atenY) <= 2);
      // The gradient is of the rounded output, and the sum in it may cancel: units of its terms, not of itself.
      const rounded = y.detach().double();
      const product = upstream.double().mul(rounded);
      const exactGrad = product.sub(rounded.mul(product.sum(-1, true))).mul(0.5);
      assertClose(grad.double(), exactGrad, { rtol: 2 ** -8, atol: 1e-7 });
      assertClose(grad, atenGrad, { rtol: 2 ** -6, atol: 2e-3 });
    });
  }

  test('masked scores become zero; a row without any, with NaN or with infinity is NaN', () => {
    const x = torch.zeros([4, 38], { dtype: 'bfloat16' });
    x.index(0, '19:').fill_(-Infinity);
    x.index(1).fill_(-Infinity);
    x.index(2, 37).fill_(NaN);
    x.index(3, 3).fill_(Infinity);
    const y = bfloat16Softmax(x, 1);
    assert.deepEqual(numbers(y), numbers(x.softmax(-1)));
    assert.equal(y.index(0, '19:').abs().max().toNumber(), 0);
    assert.ok(y.index('1:').isnan().all().toNumber());
  });

  test('takes the largest numbers, other scales, strided, scalar and empty tensors', () => {
    assert.deepEqual(numbers(bfloat16Softmax(torch.tensor([3e38, -3e38, 3e38]).bfloat16(), 1)), [0.5, 0, 0.5]);
    const x = torch.randn([7, 9, 20]).bfloat16();
    sameBits(bfloat16Softmax(x, -0.25), bfloat16Softmax(x.neg(), 0.25));
    sameBits(bfloat16Softmax(x.transpose(1, 2), 1), bfloat16Softmax(x.transpose(1, 2).contiguous(), 1));
    assert.equal(bfloat16Softmax(torch.tensor(3).bfloat16(), 1).toNumber(), 1);
    for (const shape of [
      [0, 4],
      [4, 0],
    ])
      assert.deepEqual(bfloat16Softmax(x.newZeros(shape), 1).shape, shape);
  });

  test('can be differentiated twice', () => {
    const second = (dtype: torch.DType, softmax: (x: torch.Tensor) => torch.Tensor) => {
      const x = torch.linspace(-2, 2, 18).bfloat16().to(dtype).requiresGrad_();
      const [first] = torch.autograd.grad([softmax(x).square().sum()], [x], { createGraph: true }) as [torch.Tensor];
      return (torch.autograd.grad([first.square().sum()], [x])[0] as torch.Tensor).double();
    };
    const expected = second('float64', (x) => x.mul(2).softmax(-1));
    assertClose(
      second('bfloat16', (x) => bfloat16Softmax(x, 2)),
      expected,
      { rtol: 0.05, atol: 0.05 },
    );
  });
});

suite('the bfloat16 kernels', () => {
  test('are used for bfloat16 on the CPU, and ATen for all else', () => {
    const x = torch.randn([2, 4, 8], { requiresGrad: true });
    assert.match(F.gelu(x.bfloat16()).origin, /bridge::gelu/);
    assert.match(F.gelu(x.bfloat16(), { approximate: 'tanh' }).origin, /aten::gelu/);
    assert.match(F.gelu(x).origin, /aten::gelu/);
    assert.match(F.gelu(x.to('meta').bfloat16()).origin, /aten::gelu/);
    assert.match(torch.autocast('cpu', {}, () => F.gelu(x.matmul(x.transpose(1, 2)))).origin, /bridge::gelu/);
  });

  test('name their nodes', () => {
    const x = torch.ones([1]).bfloat16().requiresGrad_();
    assert.match(String(F.gelu(x)), /grad_fn=<BridgeGelu>/);
    assert.match(String(bfloat16Softmax(x, 1)), /grad_fn=<BridgeSoftmax>/);
  });

  test('refuse other types', () => {
    assert.throws(() => bfloat16Softmax(torch.zeros([2, 2]), 1), {
      name: 'TorchError',
      message: /scaled_softmax: expected bfloat16 on the CPU, got Float on cpu/,
    });
  });

  test('record nothing in noGrad() and inferenceMode()', () => {
    const x = torch.randn([2, 8]).bfloat16().requiresGrad_();
    for (const mode of [torch.noGrad, torch.inferenceMode])
      for (const run of [F.gelu, (input: torch.Tensor) => bfloat16Softmax(input, 1)])
        assert.equal(mode(() => run(x)).requiresGrad, false);
  });

  test('give the same bits on one thread and on two', () => {
    const [x, upstream] = [torch.randn([700, 197]).bfloat16(), torch.randn([700, 197]).bfloat16()];
    const before = torch.getNumThreads();
    const [one, two] = [1, 2].map((threads) => {
      torch.setNumThreads(threads);
      const softmax = (xs: torch.Tensor) => bfloat16Softmax(xs, 0.3);
      return [withGradients([x], upstream, (xs) => F.gelu(xs)), withGradients([x], upstream, softmax)].flat();
    }) as [torch.Tensor[], torch.Tensor[]];
    torch.setNumThreads(before);
    for (const [i, tensor] of one.entries()) assert.ok(tensor.equal(two[i] as torch.Tensor));
  });

  test('serve attention, whose scale they take', () => {
    torch.manualSeed(3);
    const shape = [2, 3, 38, 32];
    const [q, k, v, upstream] = Array.from({ length: 4 }, () => torch.randn(shape).bfloat16()) as [
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
      torch.Tensor,
    ];
    const attend = (...xs: torch.Tensor[]) =>
      composedAttention(xs[0] as torch.Tensor, xs[1] as torch.Tensor, xs[2] as torch.Tensor);
    const exact = withGradients([q.double(), k.double(), v.double()], upstream, attend);
    for (const [i, actual] of withGradients([q, k, v], upstream, attend).entries())
      assertClose(actual.double(), (exact[i] as torch.Tensor).double(), { rtol: 0.05, atol: 0.02 });
  });

  // This file again, in a process that has the instructions of older processors only.
  if (process.env.ATEN_CPU_CAPABILITY === undefined) {
    for (const capability of ['avx2', 'default']) {
      test(`pass these tests with ATEN_CPU_CAPABILITY=${capability}`, () => {
        const { NODE_TEST_CONTEXT: _, ...env } = process.env;
        execFileSync(process.execPath, ['--test', import.meta.filename], {
          env: { ...env, ATEN_CPU_CAPABILITY: capability },
          encoding: 'utf8',
        });
      });
    }
  }
});

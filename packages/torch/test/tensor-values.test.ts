import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const argumentError = (message: RegExp) => ({ name: 'TorchError', code: 'ARGUMENT', message });

suite('toTypedArray(), toArray() and item()', () => {
  test('give the array class of the dtype, with float16 and bfloat16 widened', () => {
    const classes = {
      uint8: Uint8Array,
      bool: Uint8Array,
      int8: Int8Array,
      int16: Int16Array,
      int32: Int32Array,
      int64: BigInt64Array,
      float16: Float32Array,
      bfloat16: Float32Array,
      float32: Float32Array,
      float64: Float64Array,
    };
    for (const [dtype, expected] of Object.entries(classes)) {
      const array = torch.ones(2, { dtype: dtype as torch.DType }).toTypedArray();
      assert.equal((array as object).constructor, expected, dtype);
      assert.equal(Number(array[1]), 1, dtype);
    }
  });

  test('read views in row-major order', () => {
    const base = torch.arange(12).view(3, 4);
    assert.deepEqual(base.t().toArray(), [
      [0, 4, 8],
      [1, 5, 9],
      [2, 6, 10],
      [3, 7, 11],
    ]);
    assert.deepEqual(base.index('1:', '::2').toArray(), [
      [4, 6],
      [8, 10],
    ]);
    assert.deepEqual(torch.ones(1).expand(2, 3).toArray(), [
      [1, 1, 1],
      [1, 1, 1],
    ]);
    assert.deepEqual(Array.from(base.flip(0).index(0).toTypedArray<'int64'>()), [8n, 9n, 10n, 11n]);
  });

  test('read tensors without values, without dimensions, with gradients, and lazily negated or conjugated ones', () => {
    assert.deepEqual(torch.empty(0).toArray(), []);
    assert.deepEqual(torch.empty(2, 0).toArray(), [[], []]);
    assert.equal(torch.tensor(4).toArray(), 4);
    assert.deepEqual(torch.ones(2, { requiresGrad: true }).mul(3).toArray(), [3, 3]);
    const complex = torch.ops.aten.complex.default(torch.tensor([1, 2]), torch.tensor([3, 4]));
    assert.deepEqual(complex.conj().imag().toArray(), [-3, -4]);
    assert.deepEqual(torch.viewAsReal(complex.conj().resolveConj()).toArray(), [
      [1, -3],
      [2, -4],
    ]);
  });

  test('give booleans for bool, and BigInts only beyond 2^53', () => {
    assert.deepEqual(torch.tensor([true, false]).toArray(), [true, false]);
    assert.equal(torch.tensor(true).item(), true);
    assert.deepEqual(torch.tensor([2n ** 53n - 1n, 2n ** 60n, -(2n ** 60n)]).toArray(), [
      2 ** 53 - 1,
      2n ** 60n,
      -(2n ** 60n),
    ]);
    assert.equal(torch.tensor(2n ** 60n + 1n).item(), 2n ** 60n + 1n);
    assert.equal(torch.tensor(2n ** 60n).toNumber(), 2 ** 60);
  });

  test('keep -0, NaN and infinities', () => {
    for (const value of [-0, Number.NaN, Infinity, -Infinity]) {
      for (const dtype of ['float16', 'bfloat16', 'float32', 'float64'] as const) {
        assert.ok(Object.is(torch.full([], value, { dtype }).item(), value), `${value} as ${dtype}`);
        assert.ok(
          Object.is(torch.full([1], value, { dtype }).toArray(), value) ||
            Object.is((torch.full([1], value, { dtype }).toArray() as number[])[0], value),
        );
      }
    }
  });

  test('say so where JavaScript has no room for that many', () => {
    const outOfMemory = { name: 'TorchError', code: 'OUT_OF_MEMORY' };
    assert.throws(() => torch.empty(2 ** 31, 0).toArray(), outOfMemory);
    assert.throws(() => torch.empty(2 ** 31, 0, 3).toArray(), outOfMemory);
    assert.throws(
      () =>
        torch
          .ones(1)
          .expand(2 ** 40)
          .toTypedArray(),
      outOfMemory,
    );
    assert.deepEqual(torch.empty(2 ** 31, 0).toTypedArray().length, 0);
  });

  test('name the alternative where there are no plain values', () => {
    const complex = torch.ops.aten.complex.default(torch.ones(2), torch.ones(2));
    assert.throws(() => complex.toArray(), argumentError(/complex64.*viewAsReal/));
    assert.throws(() => torch.ones(2, 2).toSparse().toArray(), argumentError(/sparse_coo.*toDense/));
    assert.throws(() => torch.ones(2, 2).toMkldnn().toTypedArray(), argumentError(/toDense/));
    assert.deepEqual(torch.ones(2).toSparse().toDense().toArray(), [1, 1]);
    assert.throws(() => torch.empty(2, { device: 'meta' }).toArray(), { name: 'TorchError', message: /meta tensor/ });
    assert.throws(() => torch.ones(3).item(), {
      name: 'TorchError',
      message: /3 elements cannot be converted to Scalar.*\[self: float32\[3\]\]/,
    });
  });
});

suite('Tensor.to()', () => {
  const forms: [string, (t: torch.Tensor) => torch.Tensor, string][] = [
    ['dtype', (t) => t.to('float64'), 't.to(torch.float64)'],
    ['dtype and options', (t) => t.to('int32', { copy: true }), 't.to(torch.int32, copy=True)'],
    ['device', (t) => t.to('cpu'), 't.to("cpu")'],
    ['device and dtype', (t) => t.to('cpu', 'float16'), 't.to("cpu", torch.float16)'],
    ['device, dtype and options', (t) => t.to('cpu', 'int8', { copy: true }), 't.to("cpu", torch.int8, copy=True)'],
    ['device and options', (t) => t.to('cpu', { dtype: 'bfloat16' }), 't.to("cpu", dtype=torch.bfloat16)'],
    ['options', (t) => t.to({ dtype: 'bool', device: 'cpu' }), 't.to(dtype=torch.bool, device="cpu")'],
    ['another tensor', (t) => t.to(torch.ones(1, { dtype: 'uint8' })), 't.to(torch.ones(1, dtype=torch.uint8))'],
    ['memory format', (t) => t.to({ memoryFormat: 'channels_last' }), 't.to(memory_format=torch.channels_last)'],
    [
      'shorthands',
      (t) => t.float().double().half().bfloat16().int().long().short().char().byte().bool().float(),
      't.float().double().half().bfloat16().int().long().short().char().byte().bool().float()',
    ],
  ];
  for (const [name, ours, theirs] of forms) {
    test(`takes ${name}`, async () => {
      const { x, y, strides } = await reference.run<{ x: torch.Tensor; y: torch.Tensor; strides: number[] }>(
        `t = torch.arange(24.).view(1, 2, 3, 4) * 1.3; y = ${theirs}; out = dict(x=t, y=y, strides=list(y.stride()))`,
      );
      const result = ours(x);
      assertClose(result, y);
      assert.deepEqual(result.stride(), strides);
    });
  }

  test('is the tensor itself when nothing changes, and a copy on request', () => {
    const t = torch.ones(2);
    assert.equal(t.to('float32'), t);
    assert.equal(t.to('cpu'), t);
    assert.equal(t.to({}), t);
    assert.equal(t.float(), t);
    const copy = t.to('float32', { copy: true });
    copy.add_(1);
    assert.deepEqual(t.toArray(), [1, 1]);
  });

  test('passes gradients', () => {
    const t = torch.ones(2, { requiresGrad: true });
    t.to('float64').mul(3).sum().backward();
    assert.deepEqual(t.grad?.toArray(), [3, 3]);
    assert.equal(t.grad?.dtype, 'float32');
  });

  test('names unknown devices and targets', () => {
    assert.throws(() => torch.ones(1).to('flaot32'), { name: 'TorchError', message: /flaot32/ });
    assert.throws(() => torch.ones(1).to(7 as unknown as string), argumentError(/to\(\): expected a dtype, a device/));
    assert.throws(() => torch.ones(1).to({ memoryFormat: 'nhwc' as 'channels_last' }), {
      name: 'TorchError',
      message: /nhwc/,
    });
    if (!torch.cuda.isAvailable()) {
      assert.throws(() => torch.ones(1).cuda(), {
        name: 'TorchError',
        code: 'DEVICE',
        message: /no support for cuda|no .*GPU|NVIDIA/i,
      });
    }
  });
});

suite('sizes, strides and memory formats', () => {
  test("equal Python's for views and copies", async () => {
    const made: [string, (x: torch.Tensor) => torch.Tensor][] = [
      ['x.permute(0, 2, 3, 1)', (x) => x.permute(0, 2, 3, 1)],
      ['x.transpose(1, 3)', (x) => x.transpose(1, 3)],
      ['x.contiguous(memory_format=torch.channels_last)', (x) => x.contiguous({ memoryFormat: 'channels_last' })],
      [
        'x.contiguous(memory_format=torch.channels_last).clone()',
        (x) => x.contiguous({ memoryFormat: 'channels_last' }).clone(),
      ],
      [
        'x.contiguous(memory_format=torch.channels_last).contiguous()',
        (x) => x.contiguous({ memoryFormat: 'channels_last' }).contiguous(),
      ],
      ['x[:, 1:, ::2]', (x) => x.index(':', '1:', '::2')],
      ['x[:, :1]', (x) => x.index(':', ':1')],
      ['x[..., 0]', (x) => x.index('...', 0)],
      ['x.expand(4, 2, 3, 4, 5)', (x) => x.expand(4, 2, 3, 4, 5)],
      ['x.unsqueeze(1)', (x) => x.unsqueeze(1)],
      ['x.view(2, 60)', (x) => x.view(2, 60)],
      ['x.reshape(-1)', (x) => x.reshape(-1)],
      ['x.as_strided((3, 2), (1, 7), 5)', (x) => x.asStrided([3, 2], [1, 7], 5)],
      ['x.diagonal(0, 1, 2)', (x) => x.diagonal({ offset: 0, dim1: 1, dim2: 2 })],
      [
        'torch.empty_like(x, memory_format=torch.channels_last)',
        (x) => torch.emptyLike(x, { memoryFormat: 'channels_last' }),
      ],
    ];
    const code = `x = torch.arange(120.).view(2, 3, 4, 5)
for i, e in enumerate(made):
  y = eval(e)
  out[str(i)] = dict(shape=list(y.shape), stride=list(y.stride()), offset=y.storage_offset(), contiguous=y.is_contiguous(), last=y.is_contiguous(memory_format=torch.channels_last) if y.dim() == 4 else False)`;
    const expected = await reference.run<Record<string, Record<string, never>>>(code, { made: made.map(([e]) => e) });
    const x = torch.arange(120).float().view(2, 3, 4, 5);
    made.forEach(([name, make], i) => {
      const y = make(x);
      const actual = {
        shape: y.shape,
        stride: y.stride(),
        offset: y.storageOffset(),
        contiguous: y.isContiguous(),
        last: y.isContiguous({ memoryFormat: 'channels_last' }),
      };
      assert.deepEqual(actual, expected[String(i)], name);
    });
  });

  test('are given for one dimension, counted from either end', () => {
    const x = torch.empty(2, 3, 4);
    assert.deepEqual([x.size(), x.size(1), x.size(-1), x.stride(0), x.stride(-1)], [[2, 3, 4], 3, 4, 12, 1]);
    assert.deepEqual([x.dim(), x.ndim, x.numel(), x.elementSize(), torch.empty([]).numel()], [3, 3, 24, 4, 1]);
    for (const dim of [3, -4, 1.5, Number.NaN, '1' as unknown as number]) {
      assert.throws(() => x.size(dim), argumentError(/size\(\): a tensor with 3 dimensions has no dimension/));
      assert.throws(() => x.stride(dim), argumentError(/stride\(\)/));
    }
    assert.throws(() => torch.ones(2).toSparse().stride(), argumentError(/sparse_coo has no strides/));
  });

  test('name layouts and devices', () => {
    assert.deepEqual(
      [torch.ones(2).layout, torch.ones(2).toSparse().layout, torch.ones(2, 2).toMkldnn().layout],
      ['strided', 'sparse_coo', '_mkldnn'],
    );
    assert.deepEqual(
      [torch.ones(2).device, torch.empty(2, { device: 'meta' }).device, torch.ones(2).isCuda],
      ['cpu', 'meta', false],
    );
  });
});

suite('in-place methods', () => {
  test('return the tensor itself', () => {
    const x = torch.ones(2, 3);
    const results = [
      x.add_(1),
      x.mul_(2),
      x.zero_(),
      x.fill_(3),
      x.clamp_(0, 1),
      x.copy_(torch.ones(3)),
      x.unsqueeze_(0),
      x.squeeze_(0),
      x.transpose_(0, 1),
      x.indexPut_([0], 5),
      x.requiresGrad_(),
      x.detach_(),
    ];
    for (const [i, result] of results.entries()) assert.equal(result, x, String(i));
    assert.equal(torch.relu_(x), x);
    assert.equal(torch.ops.aten.add.out(x, 1, { out: x }), x);
    const out = { max: torch.empty(0), maxValues: torch.empty(0, { dtype: 'int64' }) };
    const [values, indices] = torch.ops.aten.max.dim_max(x, 0, out);
    assert.ok(values === out.max && indices === out.maxValues);
  });
});

suite("JavaScript's own protocols", () => {
  test('iterating gives views along the first dimension, which belong to the open scope', () => {
    const x = torch.arange(6).reshape(3, 2);
    assert.deepEqual(
      [...x].map((row) => row.toArray()),
      x.toArray(),
    );
    const [first] = torch.tidy(() => [...x]);
    first?.fill_(7);
    assert.deepEqual(x.index(0).toArray(), [7, 7]);
    assert.deepEqual([...torch.zeros(0, 2)], []);
    assert.throws(() => [...torch.zeros([])], {
      name: 'TorchError',
      message: /without dimensions, made by aten::zeros/,
    });
  });

  test('JSON.stringify writes the values', () => {
    const facts = { loss: torch.tensor(0.5), grid: torch.eye(2, { dtype: 'int64' }), is: torch.tensor([true]) };
    assert.equal(JSON.stringify(facts), '{"loss":0.5,"grid":[[1,0],[0,1]],"is":[true]}');
  });

  test('one element is a number where JavaScript asks for one, and more throw', () => {
    const loss = torch.tensor([[2.5]]) as unknown as number;
    assert.deepEqual([+loss, -loss, loss * 2, loss < 3, Math.max(loss, 1)], [2.5, -2.5, 5, true, 2.5]);
    assert.equal(`${torch.tensor(3n)}`, 'tensor(3)');
    const two = torch.ones(2) as unknown as number;
    assert.throws(() => two * 2, { name: 'TorchError', message: /^float32\[2\] is not a number.*methods/ });
  });
});

import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { collect } from './helpers/collect.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const argumentError = (message: RegExp) => ({ name: 'TorchError', code: 'ARGUMENT', message });

suite('torch.tensor()', () => {
  test('gives float32 for numbers, bool for booleans, int64 for BigInts, and a typed array its own dtype', () => {
    assert.equal(torch.tensor([1, 2]).dtype, 'float32');
    assert.equal(torch.tensor([]).dtype, 'float32');
    assert.equal(torch.tensor([true]).dtype, 'bool');
    assert.equal(torch.tensor([1n]).dtype, 'int64');
    const own = [
      [new Uint8Array(2), 'uint8'],
      [new Uint8ClampedArray(2), 'uint8'],
      [new Int8Array(2), 'int8'],
      [new Int16Array(2), 'int16'],
      [new Uint16Array(2), 'int32'],
      [new Int32Array(2), 'int32'],
      [new BigInt64Array(2), 'int64'],
      [new Float32Array(2), 'float32'],
      [new Float64Array(2), 'float64'],
    ] as const;
    for (const [array, dtype] of own) assert.equal(torch.tensor(array).dtype, dtype, array.constructor.name);
  });

  test('takes a single value, and arrays nested to any depth', () => {
    assert.deepEqual(torch.tensor(3).shape, []);
    assert.deepEqual(torch.tensor([[], []]).shape, [2, 0]);
    const nested = [
      [[1], [2], [3]],
      [[4], [5], [6]],
    ];
    assert.deepEqual(torch.tensor(nested).toArray(), nested);
    assert.deepEqual(torch.tensor([new Float32Array([1, 2]), [3, 4]]).toArray(), [
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual(torch.tensor([1, 2, 3, 4], { shape: [2, 2] }).toArray(), [
      [1, 2],
      [3, 4],
    ]);
    assert.deepEqual(torch.tensor(new Int32Array([1, 2, 3, 4]), { shape: [4, 1] }).shape, [4, 1]);
  });

  test('copies, and converts to every dtype as PyTorch does', async () => {
    const array = new Float64Array([0, -0, 1.5, -2.75, 100.1, 1e-7]);
    const copy = torch.tensor(array);
    array[0] = 9;
    assert.equal(copy.index(0).item(), 0);
    const dtypes = torch.dtypes.filter((dtype) => !dtype.startsWith('complex'));
    const values = [0, -0, 1.5, -2.75, 100.1, 1e-7];
    const expected = await reference.run<Record<string, torch.Tensor>>(
      'out = {d: torch.tensor(values, dtype=torch.float64).to(getattr(torch, d)) for d in dtypes}',
      { values, dtypes },
    );
    for (const dtype of dtypes) assertClose(torch.tensor(values, { dtype }), expected[dtype], {}, dtype);
  });

  test('keeps -0, NaN, infinities and the smallest numbers', () => {
    const values = [-0, Number.NaN, Infinity, -Infinity, 2 ** -149, 5e-324];
    assert.deepEqual(torch.tensor(values, { dtype: 'float64' }).toArray(), values);
    assert.deepEqual(torch.tensor(values).toArray(), [...values.slice(0, 5), 0]);
    assert.deepEqual(Array.from(torch.tensor(values).toTypedArray()), [...values.slice(0, 5), 0]);
  });

  test('keeps all 64 bits of BigInts', () => {
    const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n, 7n];
    assert.deepEqual(Array.from(torch.tensor(values).toTypedArray<'int64'>()), values);
    assert.deepEqual(torch.tensor(values).toArray(), [...values.slice(0, 3), 7]);
    assert.equal(torch.tensor(values[2]!).item(), 2n ** 53n + 1n);
    assert.equal(torch.tensor(2n ** 53n).item(), 2 ** 53);
    assert.equal(torch.tensor(-5n).item(), -5);
  });

  test('rejects integers that do not fit the dtype, as PyTorch does', () => {
    for (const [value, dtype] of [
      [300, 'uint8'],
      [-256, 'uint8'],
      [128, 'int8'],
      [2 ** 31, 'int32'],
      [1e30, 'int64'],
      [Number.NaN, 'int64'],
      [2n ** 63n, 'int64'],
    ] as const) {
      assert.throws(
        () => torch.tensor([1n, value].slice(1) as number[], { dtype }),
        argumentError(/does not fit/),
        `${value} ${dtype}`,
      );
    }
    assert.throws(() => torch.tensor([2n ** 63n]), argumentError(/9223372036854775808 does not fit/));
    assert.equal(torch.tensor([-1], { dtype: 'uint8' }).item(), 255);
  });

  test('rejects values that are not a tensor of numbers, and names the place', () => {
    const loop: unknown[] = [];
    loop.push(loop);
    const bad: [unknown, RegExp][] = [
      [[[1], [2, 3]], /length 1 at depth 1, got one of length 2/],
      [[[1], 2], /expected an array of length 1 at depth 1, got 2/],
      [[1, [2]], /depth 1/],
      [[1, true], /different types: number and boolean/],
      [['1'], /got the string "1"/],
      [null, /got null/],
      [undefined, /got undefined/],
      [{}, /got an object/],
      [new Array(3), /got undefined/],
      [new DataView(new ArrayBuffer(8)), /DataView/],
      [new BigUint64Array(2), /BigUint64Array/],
      [loop, /nested more than 64 deep/],
      [torch.ones(2), /got a Tensor/],
    ];
    for (const [data, message] of bad) assert.throws(() => torch.tensor(data as number[]), argumentError(message));
    assert.throws(() => torch.tensor([1, 2, 3], { shape: [2, 2] }), argumentError(/product 3/));
    assert.throws(() => torch.tensor([1], { shape: [-1] as number[] }), argumentError(/shape/));
    assert.throws(
      () => torch.tensor([1], { dtype: 'float' as 'float32' }),
      argumentError(/float32.*got the string "float"/),
    );
    assert.throws(() => torch.tensor([1n], { requiresGrad: true }), argumentError(/only floating point/));
  });

  test('copies from a SharedArrayBuffer', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8)).fill(3);
    const copy = torch.tensor(shared);
    shared[0] = 4;
    assert.deepEqual(copy.toArray(), [3, 3]);
  });
});

suite('torch.fromTypedArray()', () => {
  test('shares memory in both directions', () => {
    const array = new Float32Array([1, 2, 3, 4]);
    const tensor = torch.fromTypedArray(array, [2, 2]);
    array[0] = 10;
    assert.equal(tensor.index(0, 0).item(), 10);
    tensor.mul_(2);
    assert.deepEqual(Array.from(array), [20, 4, 6, 8]);
  });

  test('starts where the view starts in its buffer', () => {
    const array = new Int16Array([1, 2, 3, 4, 5]).subarray(1, 4);
    assert.deepEqual(torch.fromTypedArray(array).toArray(), [2, 3, 4]);
  });

  test('keeps the memory when the array is collected', () => {
    const shared = Array.from({ length: 50 }, (_, i) => torch.fromTypedArray(new Float64Array(20_000).fill(i)));
    for (let round = 0; round < 20; round++) {
      collect();
      new Float64Array(200_000).fill(-1); // would take freed memory
    }
    shared.forEach((tensor, i) => {
      assert.equal(tensor.min().item(), i);
      assert.equal(tensor.max().item(), i);
    });
  });

  test('keeps the memory for views and for what autograd saved', () => {
    const weight = torch.ones(1000, { requiresGrad: true });
    const loss = torch.tidy(() =>
      weight.mul(torch.fromTypedArray(new Float32Array(1000).fill(3)).view(10, 100).view(-1)).sum(),
    );
    collect();
    loss.backward();
    assert.equal(weight.grad?.min().item(), 3);
  });

  test('keeps its memory in this thread when the buffer is sent away', () => {
    const array = new Float32Array([1, 2, 3]);
    const tensor = torch.fromTypedArray(array);
    try {
      structuredClone(array, { transfer: [array.buffer] });
    } catch (error) {
      assert.equal((error as Error).name, 'DataCloneError');
    }
    assert.equal(array.length, 3);
    assert.deepEqual(tensor.add(1).toArray(), [2, 3, 4]);
  });

  test('takes empty arrays', () => {
    assert.deepEqual(torch.fromTypedArray(new Float32Array(0)).shape, [0]);
    assert.deepEqual(torch.fromTypedArray(new Uint8Array(0), [3, 0]).shape, [3, 0]);
  });

  test('rejects memory that it cannot hold', () => {
    const resizable = new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(16, {
      maxByteLength: 32,
    });
    const bad: [unknown, RegExp][] = [
      [null, /got null/],
      [[1, 2], /typed array/],
      [new Uint16Array(2), /Uint16Array/],
      [new DataView(new ArrayBuffer(8)), /DataView/],
      [new Float32Array(new SharedArrayBuffer(8)), /SharedArrayBuffer/],
      [new Float32Array(resizable), /resizable/],
    ];
    for (const [array, message] of bad)
      assert.throws(() => torch.fromTypedArray(array as Float32Array), argumentError(message));
    assert.throws(() => torch.fromTypedArray(new Float32Array(3), [2, 2]), argumentError(/product 3/));
  });
});

suite('torch.fromBytes()', () => {
  test('reads every dtype from its little-endian bytes', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i * 7 + 1);
    for (const dtype of torch.dtypes) {
      const shape = [16 / torch.itemSize(dtype)];
      assert.equal(torch.fromBytes(bytes, { dtype, shape }).dtype, dtype);
    }
    const view = new DataView(bytes.buffer);
    assert.equal(
      torch.fromBytes(bytes, { dtype: 'int64', shape: [2] }).toTypedArray<'int64'>()[1],
      view.getBigInt64(8, true),
    );
    assert.equal(
      torch.fromBytes(bytes.subarray(4, 8), { dtype: 'float32', shape: [] }).item(),
      view.getFloat32(4, true),
    );
  });

  test('rejects another length, a bad shape and an unknown dtype', () => {
    assert.throws(
      () => torch.fromBytes(new Uint8Array(7), { dtype: 'float32', shape: [2] }),
      argumentError(/takes 8 bytes, got 7/),
    );
    assert.throws(
      () => torch.fromBytes(new Uint8Array(8), { dtype: 'float32', shape: [-2, -1] }),
      argumentError(/shape/),
    );
    assert.throws(
      () => torch.fromBytes(new Uint8Array(8), { dtype: 'f4' as 'float32', shape: [2] }),
      argumentError(/dtype/),
    );
    assert.throws(
      () => torch.fromBytes('12345678' as unknown as Uint8Array, { dtype: 'float32', shape: [2] }),
      argumentError(/Uint8Array/),
    );
  });
});

suite('factories', () => {
  test('give what PyTorch gives', async () => {
    const expected = await reference.run<Record<string, torch.Tensor>>(`
out = dict(zeros=torch.zeros(2, 3), ones=torch.ones(2, 0, 3), full=torch.full((2,), 7.0), fullInt=torch.full((2,), True, dtype=torch.bool),
  arange=torch.arange(5), arange2=torch.arange(2, 9, 3), arange3=torch.arange(0, 1, 0.25), arange4=torch.arange(5, dtype=torch.float16), arange5=torch.arange(3, -1, -1),
  linspace=torch.linspace(-1, 1, 7), eye=torch.eye(3), eye2=torch.eye(2, 4, dtype=torch.int64))`);
    const actual: Record<string, torch.Tensor> = {
      zeros: torch.zeros([2, 3]),
      ones: torch.ones([2, 0, 3]),
      full: torch.full([2], 7),
      fullInt: torch.full(2, true, { dtype: 'bool' }),
      arange: torch.arange(5),
      arange2: torch.arange(2, 9, 3),
      arange3: torch.arange(0, 1, 0.25),
      arange4: torch.arange(5, { dtype: 'float16' }),
      arange5: torch.arange(3, -1, -1),
      linspace: torch.linspace(-1, 1, 7),
      eye: torch.eye(3),
      eye2: torch.eye(2, 4, { dtype: 'int64' }),
    };
    for (const [name, tensor] of Object.entries(actual)) assertClose(tensor, expected[name], {}, name);
  });

  test('take sizes in an array or one by one, with options last', () => {
    for (const make of [torch.zeros, torch.ones, torch.empty, torch.rand, torch.randn]) {
      assert.deepEqual(make([2, 3]).shape, [2, 3]);
      assert.deepEqual(make(2, 3).shape, [2, 3]);
      assert.deepEqual(make([]).shape, []);
      assert.equal(make(2, 3, { dtype: 'float64' }).dtype, 'float64');
      assert.equal(make([2, 3], { requiresGrad: true }).requiresGrad, true);
      assert.equal(make([2], undefined).dtype, 'float32');
    }
    assert.deepEqual(torch.randint(3, [2, 2]).shape, [2, 2]);
    assert.equal(torch.randint(1, 3, 4, { dtype: 'uint8' }).dtype, 'uint8');
  });

  test('reject values that are not a shape', () => {
    for (const shape of [[-1], [1.5], ['2'], [2 ** 53], 'x', null, undefined]) {
      assert.throws(() => torch.zeros(shape as number[]), argumentError(/zeros: expected a shape/), String(shape));
    }
    assert.throws(() => (torch.zeros as () => void)(), argumentError(/shape/));
    assert.throws(() => (torch.arange as () => void)(), argumentError(/arange/));
    assert.throws(() => torch.zeros([2], { dtype: 'float' as 'float32' }), argumentError(/dtype/));
    assert.throws(() => torch.zeros([2 ** 40, 2 ** 40]), { name: 'TorchError' });
  });
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, suite, test } from 'node:test';
import { describeValue, nativeError, nearestName } from '../src/errors.js';
import * as torch from '../src/index.js';
import { Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const aten = torch.ops.aten;
const x = torch.ones(2, 3);

function failureOf(run: () => unknown): torch.TorchError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof torch.TorchError, `${(error as Error)?.stack}`);
    return error;
  }
  throw new assert.AssertionError({ message: 'no error' });
}

suite('errors of operators', () => {
  test("carry the operator, PyTorch's message, and the shapes and dtypes of tensor arguments", async () => {
    const int64 = torch.ones(3, 2, { dtype: 'int64' });
    const table: [() => unknown, python: string, prefix: string, suffix: string][] = [
      [() => x.mm(x), 'x.mm(x)', 'aten::mm', ' [self: float32[2, 3], mat2: float32[2, 3]]'],
      [
        () => x.add(torch.ones(4)),
        'x + torch.ones(4)',
        'aten::add.Tensor',
        ' [self: float32[2, 3], other: float32[4]]',
      ],
      [() => x.view(7), 'x.view(7)', 'aten::view', ' [self: float32[2, 3]]'],
      [
        () => torch.cat([x, int64.float()]),
        'torch.cat([x, torch.ones(3, 2)])',
        'aten::cat',
        ' [tensors: [float32[2, 3], float32[3, 2]]]',
      ],
      [
        () => x.mm(int64),
        'x.mm(torch.ones(3, 2, dtype=torch.int64))',
        'aten::mm',
        ' [self: float32[2, 3], mat2: int64[3, 2]]',
      ],
      [() => x.sum(5), 'x.sum(5)', 'aten::sum.dim_IntList', ' [self: float32[2, 3]]'],
      [
        () => torch.conv2d(x, torch.ones(1, 1, 1, 1)),
        'torch.conv2d(x, torch.ones(1, 1, 1, 1))',
        'aten::conv2d',
        ' [input: float32[2, 3], weight: float32[1, 1, 1, 1]]',
      ],
      [() => torch.stack([]), 'torch.stack([])', 'aten::stack', ''],
      [
        () => int64.softmax(0),
        'torch.ones(3, 2, dtype=torch.int64).softmax(0)',
        'aten::softmax.int',
        ' [self: int64[3, 2]]',
      ],
      [
        () => x.gather(0, torch.tensor([[5n]])),
        'x.gather(0, torch.tensor([[5]]))',
        'aten::gather',
        ' [self: float32[2, 3], index: int64[1, 1]]',
      ],
      [
        () => aten.embedding.default(x, torch.tensor([-1n])),
        'torch.embedding(x, torch.tensor([-1]))',
        'aten::embedding',
        ' [weight: float32[2, 3], indices: int64[1]]',
      ],
      [() => x.reshape(2, 2), 'x.reshape(2, 2)', 'aten::reshape', ' [self: float32[2, 3]]'],
      [() => x.requiresGrad_().add_(1), 'x.requires_grad_().add_(1)', 'aten::add_.Scalar', ' [self: float32[2, 3]]'],
    ];
    const code = `x = torch.ones(2, 3)
for e in expressions:
  try: eval(e)
  except Exception as error: out[e] = str(error)`;
    const messages = await reference.run<Record<string, string>>(code, {
      expressions: table.map(([, python]) => python),
    });
    for (const [run, python, prefix, suffix] of table) {
      const error = failureOf(run);
      assert.equal(error.message, `${prefix}: ${messages[python]?.trim()}${suffix}`);
      assert.equal(error.code, 'OPERATOR');
    }
    x.requiresGrad_(false);
  });

  test('show four tensors of a long list, and other devices', () => {
    const many = new Array<torch.Tensor>(9).fill(x);
    assert.match(
      failureOf(() => torch.cat([...many, torch.ones(1)])).message,
      /\[tensors: \[(float32\[2, 3\], ){3}float32\[2, 3\], …\]\]$/,
    );
    assert.match(failureOf(() => torch.empty(2, { device: 'meta' }).mm(x)).message, /self: float32\[2\] on meta/);
    const quantized = aten.quantize_per_tensor as unknown as (...args: unknown[]) => torch.Tensor;
    assert.throws(() => quantized(x, 0.1, 0, 'quint8'), { name: 'TorchError', message: /quint8/ });
  });

  test('keep the native error as their cause', () => {
    const { cause } = failureOf(() => x.mm(x));
    assert.ok(cause instanceof Error && cause.message.startsWith('mat1 and mat2'));
  });
});

suite('errors by kind', () => {
  test('devices that libtorch was built without have the code DEVICE', {
    skip: torch.cuda.isAvailable() && 'this libtorch has CUDA',
  }, () => {
    const uses: (() => unknown)[] = [
      () => x.cuda(),
      () => x.to('cuda:1'),
      () => torch.zeros(2, { device: 'cuda' }),
      () => torch.randn(2, { device: 'cuda' }),
      () => torch.tensor([1], { device: 'cuda' }),
      () => new torch.Generator('cuda'),
      () => torch.getRngState('cuda'),
      () => torch.zerosLike(x, { device: 'cuda' }),
      () => torch.cuda.properties(),
      () => torch.cuda.synchronize(),
      () => torch.cuda.memoryStats(),
      () => torch.synchronize('cuda'),
      () => x.to('xpu'),
      () => torch.zeros(2, { device: 'hip' }),
    ];
    uses.forEach((use, i) => {
      const error = failureOf(use);
      assert.equal(error.code, 'DEVICE', `${i}: ${error.message}`);
      assert.match(error.message, /cuda|xpu|hip/i);
      assert.ok(error.message.length < 300, error.message);
    });
    assert.deepEqual([torch.cuda.deviceCount(), torch.cuda.isAvailable()], [0, false]);
  });

  test('operators that a layout lacks are listed with those that there are, without source lines', () => {
    const { message } = failureOf(() => torch.eye(2).toSparse().exp());
    assert.match(
      message,
      /Could not run 'aten::exp\w*\.?\w*' with arguments from the 'SparseCPU' backend\. '[^']*' is only available for these backends: \[CPU[^\]]*\]/,
    );
    assert.doesNotMatch(message, /registered at|Facebook|BackendSelect/);
  });

  test('memory that there is not has the code OUT_OF_MEMORY', () => {
    const uses: (() => unknown)[] = [
      () => torch.zeros(2 ** 50),
      () =>
        torch
          .ones(1)
          .expand(2 ** 45)
          .contiguous(),
      () => torch.empty(2 ** 30, 2 ** 20),
      () => torch.arange(2 ** 50),
    ];
    for (const use of uses) {
      const error = failureOf(use);
      assert.equal(error.code, 'OUT_OF_MEMORY', error.message);
      assert.match(error.message, /^aten::/);
    }
    assert.equal(failureOf(() => torch.zeros([2 ** 40, 2 ** 40])).name, 'TorchError'); // the size itself overflows
    assert.equal(torch.ones(3).sum().item(), 3);
  });

  test('operators that there are not have the code NO_SUCH_OPERATOR', () => {
    assert.equal(failureOf(() => (aten as unknown as Record<string, unknown>).relux).code, 'NO_SUCH_OPERATOR');
  });
});

suite('strings as arguments', () => {
  test('with lone surrogates, NULs and any length are text like any other', () => {
    for (const text of ['\ud800', 'ij\udc00->i', '\0', 'ij->\0', 'x'.repeat(200_000), '', '😀ij->i']) {
      const error = failureOf(() => torch.einsum(text, [x]));
      assert.match(error.message, /einsum/);
      assert.ok(error.message.length < 5000);
      assert.match(failureOf(() => x.to(`${text}!`)).message, /\S/);
      assert.ok(failureOf(() => x.div(x, { roundingMode: text })).message.length < 5000);
    }
    assert.match(
      failureOf(() => aten.zeros.default([1], { device: 'x'.repeat(400_000) })).message,
      /'device' has 150000 values, too many|too many/,
    );
  });
});

suite('messages', () => {
  test('never hold a C++ backtrace or source table', () => {
    const raw = 'boom (function f)\nException raised from f at ../x.cpp:1 (most recent call first):\nframe #0: x\n';
    assert.equal(nativeError(new Error(raw), 'aten::f').message, 'aten::f: boom (function f)');
    const engine = failureOf(() => torch.ones(2, { requiresGrad: true }).exp().backward());
    assert.doesNotMatch(engine.message, /Exception raised|frame #|\.cpp/);
  });

  test('describe any value, also one that throws when it is read', () => {
    const evil = new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('no');
        },
      },
    );
    const described: [unknown, string][] = [
      [1, '1'],
      [-0, '0'],
      [1n, '1n'],
      [10n ** 100n, 'a BigInt of more than 128 bits'],
      ['a', 'the string "a"'],
      ['\ud800', 'the string "\\ud800"'],
      ['y'.repeat(100), `the string "${'y'.repeat(40)}…"`],
      [null, 'null'],
      [undefined, 'undefined'],
      [true, 'true'],
      [Symbol('s'), 'Symbol(s)'],
      [() => 1, 'a function'],
      [[1, [2], 'x'], '[1, an array, the string "x"]'],
      [new Array(3), '[undefined, undefined, undefined]'],
      [new Array(100), 'an array of 100'],
      [{}, 'an object'],
      [Object.create(null), 'an object'],
      [new Date(0), 'a Date'],
      [new Float32Array(1), 'a Float32Array'],
      [evil, 'an object that throws when it is read'],
      [[evil], '[an object that throws when it is read]'],
      [x, 'a Tensor'],
    ];
    for (const [value, text] of described) assert.equal(describeValue(value), text);
  });

  test('suggest near names and no far ones', () => {
    assert.equal(nearestName('keepdims', ['dim', 'keepdim', 'dtype']), 'keepdim');
    assert.equal(nearestName('RELU', ['relu', 'gelu']), 'relu');
    assert.equal(nearestName('qqqqqq', ['relu', 'gelu']), undefined);
    assert.equal(nearestName('x'.repeat(1e6), ['relu']), undefined);
  });
});

suite('warnings of libtorch', () => {
  test('are printed once each, in one line', () => {
    const script = `import * as torch from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)};
for (let i = 0; i < 3; i++) torch.ops.aten.add.out(torch.ones(2), 1, { out: torch.ones(3) });`;
    const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    assert.equal(status, 0);
    assert.match(stderr, /^torch: warning: An output with one or more elements was resized[^\n]*\n$/);
  });
});

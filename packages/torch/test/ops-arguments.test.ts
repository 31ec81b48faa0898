import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const aten = torch.ops.aten;
const argumentError = (message: RegExp) => ({ name: 'TorchError', code: 'ARGUMENT', message });

suite('arguments of operators', () => {
  const x = torch.tensor([
    [1, 2],
    [3, 4],
  ]);

  test('are positional, or named in a last object in camelCase or as in Python', () => {
    const expected = [[3], [7]];
    assert.deepEqual(aten.sum.dim_IntList(x, [1], true).toArray(), expected);
    assert.deepEqual(aten.sum.dim_IntList(x, [1], { keepdim: true }).toArray(), expected);
    assert.deepEqual(aten.sum.dim_IntList(x, { dim: [1], keepdim: true }).toArray(), expected);
    assert.deepEqual(
      aten.sum.dim_IntList(...([{ self: x, dim: 1, keepdim: true }] as unknown as [torch.Tensor, number])).toArray(),
      expected,
    );
    assert.equal(x.div(2, { roundingMode: 'floor' }).index(1, 0).item(), 1);
    assert.equal(
      x
        .div(2, { rounding_mode: 'floor' } as object)
        .index(1, 0)
        .item(),
      1,
    );
    assert.deepEqual(x.sum(Object.assign(Object.create(null) as object, { dim: 0 })).toArray(), [4, 6]);
  });

  test('that are undefined take their defaults, at any place', () => {
    assert.deepEqual(x.sum(undefined as unknown as number[], undefined).item(), 10);
    assert.deepEqual(x.sum({ dim: 0, keepdim: undefined } as { dim: number }).toArray(), [4, 6]);
    assert.deepEqual(x.clamp(undefined as unknown as number, 2).toArray(), [
      [1, 2],
      [2, 2],
    ]);
    assert.deepEqual(x.clamp({ min: null, max: 2 }).toArray(), [
      [1, 2],
      [2, 2],
    ]);
  });

  test('keep numbers whole, and booleans and BigInts what they are, as PyTorch promotes types', async () => {
    const self = {
      bool: torch.tensor([true]),
      int32: torch.tensor([3], { dtype: 'int32' }),
      float32: torch.tensor([1.5]),
    };
    const others = [2, 0.5, true];
    const expected = await reference.run<Record<string, torch.Tensor>>(
      'out = {f"{n}{j}": torch.add(t, o) for n, t in self_.items() for j, o in enumerate(others)}',
      { self_: self, others },
    );
    for (const [name, tensor] of Object.entries(self)) {
      others.forEach((other, j) => {
        assertClose(torch.add(tensor, other), expected[`${name}${j}`], {}, `${name} + ${other}`);
        assertClose(
          aten.add.Tensor(tensor, other as number),
          expected[`${name}${j}`],
          {},
          `add.Tensor(${name}, ${other})`,
        );
      });
    }
    assert.equal(
      aten.add
        .Tensor(torch.tensor([1n]), (2n ** 60n + 1n) as unknown as number)
        .index(0)
        .item(),
      2n ** 60n + 2n,
    );
    assert.equal(
      torch
        .tensor([1n])
        .add(2n ** 60n + 1n)
        .index(0)
        .item(),
      2n ** 60n + 2n,
    );
    assert.equal(torch.full([], 2n ** 60n + 1n, { dtype: 'int64' }).item(), 2n ** 60n + 1n);
    const [big, half] = aten._foreach_add.ScalarList([torch.tensor([1n]), torch.tensor([1])], [2n ** 60n + 1n, 0.5]);
    assert.deepEqual([big?.index(0).item(), half?.index(0).item()], [2n ** 60n + 2n, 1.5]);
    assert.ok(Object.is(torch.full([], -0).item(), -0));
  });

  test('of a fixed-length list type take a single value for all items', async () => {
    const image = torch.arange(32).float().view(1, 2, 4, 4);
    const { y } = await reference.run<{ y: torch.Tensor }>(
      'out = dict(y=torch.max_pool2d(image, 2, stride=1, padding=1))',
      { image },
    );
    assertClose(torch.maxPool2d(image, 2, { stride: 1, padding: 1 }), y);
    assertClose(torch.maxPool2d(image, [2, 2], [1, 1], [1, 1]), y);
  });

  test('of lists may be given one by one where PyTorch allows it, also before options', () => {
    assert.deepEqual(x.view(4).shape, [4]);
    assert.deepEqual(x.view(1, 4).shape, [1, 4]);
    assert.equal(x.view('int32').dtype, 'int32');
    assert.deepEqual(x.newZeros(1, 3, { dtype: 'int64' }).dtype, 'int64');
    assert.deepEqual(torch.arange(8).view(2, 4).hsplit(4).length, 4); // sections, not the list [4]
    assert.deepEqual(torch.zeros(2, 3, 4).movedim(0, 2).shape, [3, 4, 2]);
  });

  test('are refused with the schema: missing, too many, unknown, given twice, of another type', () => {
    const refused: [() => unknown, RegExp][] = [
      [
        () => (aten.mm.default as (...a: unknown[]) => void)(),
        /aten::mm: 'self' is missing\. Schema: aten::mm\(Tensor self, Tensor mat2\) -> Tensor/,
      ],
      [() => (aten.mm.default as (...a: unknown[]) => void)(x, x, x), /takes at most 2 positional arguments, got 3/],
      [() => aten.sum.dim_IntList(x, { keepdims: true } as object), /no argument 'keepdims'; did you mean 'keepdim'\?/],
      [() => aten.sum.dim_IntList(x, [1], { dim: [0] } as object), /'dim' is given twice/],
      [() => aten.sum.dim_IntList(x, [1.5]), /'dim' must be an array of integers; its item 0 is 1.5/],
      [() => aten.add.Tensor(x, '2' as unknown as number), /'other' must be a Tensor, got the string "2"/],
      [
        () => aten.add.Tensor(x, x, { alpha: '2' as unknown as number }),
        /'alpha' must be a number, got the string "2"/,
      ],
      [() => aten.cumsum.default(x, 1.5), /'dim' must be an integer \(a BigInt beyond 2\^53\), got 1.5/],
      [() => aten.cumsum.default(x, (2n ** 64n) as unknown as number), /'dim' must be an integer of at most 64 bits/],
      [() => aten.dropout.default(x, 0.5, 1 as unknown as boolean), /'train' must be true or false, got 1/],
      [
        () => aten.to.dtype(x, 'float' as 'float32'),
        /'dtype' must be a dtype such as 'float32', got the string "float"/,
      ],
      [
        () => aten.contiguous.default(x, { memoryFormat: 'nchw' as 'channels_last' }),
        /must be one of contiguous_format, preserve_format, channels_last/,
      ],
      [
        () => aten.cat.default([x, 1 as unknown as torch.Tensor]),
        /'tensors' must be an array of Tensors; its item 1 is 1/,
      ],
      [() => aten.cat.default(x as unknown as torch.Tensor[]), /'tensors' must be an array of Tensors, got a Tensor/],
      [
        () => aten.bernoulli.default(x, { generator: {} as torch.Generator }),
        /'generator' must be a Generator, got an object/,
      ],
      [
        () => aten.add_.Tensor(1 as unknown as torch.Tensor, x),
        /'self' must be a Tensor, as the operator writes to it, got 1/,
      ],
      [
        () => aten.add.out(x, x, { out: 1 as unknown as torch.Tensor }),
        /'out' must be a Tensor, as the operator writes to it/,
      ],
      [
        () => aten.zeros.default(new Array(200_000).fill(1) as number[]),
        /'size' has 200000 values, too many for one call/,
      ],
      [() => aten.zeros.default(new Array(2 ** 32 - 1) as number[]), /'size' has 4294967295 values/],
    ];
    for (const [call, message] of refused) assert.throws(call, argumentError(message));
  });

  test('that no overload takes are refused with all overloads', () => {
    assert.throws(
      () => x.add('2' as unknown as number),
      argumentError(
        /aten::add: no overload takes \(Tensor float32\[2, 2\], the string "2"\)[\s\S]*aten::add\.Tensor\(Tensor self[\s\S]*aten::add\.Scalar/,
      ),
    );
    assert.throws(() => x.sum(new Array(2 ** 32 - 1) as number[]), argumentError(/4294967295 values/));
  });
});

suite('results of operators', () => {
  test('are one value, several, none, numbers, booleans, lists and nested lists', () => {
    const x = torch.tensor([
      [3, 1],
      [2, 4],
    ]);
    assert.equal(aten.sum.default(x).item(), 10);
    const [values, indices] = aten.sort.default(x);
    assert.deepEqual(
      [values.toArray(), indices.toArray()],
      [
        [
          [1, 3],
          [2, 4],
        ],
        [
          [1, 0],
          [0, 1],
        ],
      ],
    );
    assert.equal(aten._foreach_add_.Scalar([x], 1), undefined);
    assert.equal(aten.equal.default(x, x), true);
    assert.equal(aten.item.default(torch.tensor(2n)), 2);
    assert.deepEqual(
      aten.unbind.int(x).map((row) => row.toArray()),
      [
        [4, 2],
        [3, 5],
      ],
    );
    assert.equal(aten.size.int(x, 1), 2);
    assert.deepEqual(aten.split.Tensor(x, 1).length, 2);
    assert.deepEqual(aten.broadcast_tensors.default([]), []);
  });

  test('that are absent tensors are null', () => {
    const one = torch.ones(1, 1, 1, 1);
    const image = torch.ones(1, 1, 2, 2);
    const backward = torch.ops.unsafe.aten.convolution_backward.default as (...args: unknown[]) => unknown;
    const [gradient, weight, bias] = backward(image, image, one, [1], [1, 1], [0, 0], [1, 1], false, [0, 0], 1, [
      true,
      false,
      false,
    ]) as (torch.Tensor | null)[];
    assert.ok(gradient instanceof torch.Tensor);
    assert.deepEqual([weight, bias], [null, null]);
  });

  test('that are an argument are that object', () => {
    const x = torch.ones(2);
    const out = torch.empty(0);
    assert.equal(aten.add.out(x, 1, { out }), out);
    assert.equal(aten.add_.Tensor(x, 1), x);
    assert.deepEqual(out.toArray(), [2, 2]);
  });
});

suite('torch.ops', () => {
  test('gives default and named overloads, and chooses one when called itself', () => {
    const x = torch.ones(2);
    assert.equal(aten.relu.default, aten.relu.default);
    assert.deepEqual((aten.add(x, 1) as torch.Tensor).toArray(), [2, 2]);
    const none = torch.ops.unsafe.bridge?.backward?.([], [], null, false, []);
    assert.equal(none, undefined);
  });

  test('names near operators and the overloads that there are', () => {
    const missing = (message: RegExp) => ({ name: 'TorchError', code: 'NO_SUCH_OPERATOR', message });
    assert.throws(
      () => (aten as unknown as Record<string, unknown>).soft_max,
      missing(/libtorch .* has no operator aten::soft_max; did you mean aten::softmax\?/),
    );
    assert.throws(
      () => (aten.add as unknown as Record<string, unknown>).Tenser,
      missing(/no operator aten::add\.Tenser; its overloads are: .*Tensor/),
    );
    assert.throws(() => torch.ops.nowhere?.nothing, missing(/nothing similar is in 'nowhere'/));
    assert.throws(() => (aten as unknown as Record<string, unknown>)['x'.repeat(10_000)], missing(/nothing similar/));
  });

  test('can be awaited, printed and put into JSON without looking names up', async () => {
    assert.equal(await torch.ops.aten, torch.ops.aten);
    assert.match((await import('node:util')).inspect(torch.ops), /operators/);
    assert.match((await import('node:util')).inspect({ add: aten.add }), /aten::add: Tensor, .*Scalar/);
    assert.equal(JSON.stringify({ ops: Object.keys(torch.ops).length >= 0 }), '{"ops":true}');
  });
});

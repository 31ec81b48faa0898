import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const ints = (...values: number[]) => torch.tensor(values, { dtype: 'int64' });
const grid = () =>
  torch.tensor(
    [
      [0, 1],
      [1, 0],
    ],
    { dtype: 'int64' },
  );
/** A mask that both sides compute by the same rule. */
const mask = (...shape: number[]) =>
  torch
    .arange(shape.reduce((a, b) => a * b))
    .remainder(3)
    .eq(1)
    .view(shape);

/** Python's index expression on a tensor of shape [3, 4, 5], and ours. */
const table: [string, () => torch.Index[]][] = [
  ['0', () => [0]],
  ['-1', () => [-1]],
  ['1, -2', () => [1, -2]],
  ['2, 3, 4', () => [2, 3, 4]],
  ['...', () => ['...']],
  ['..., 0', () => ['...', 0]],
  ['1, ...', () => [1, '...']],
  ['1, ..., -1', () => [1, '...', -1]],
  ['...,', () => ['...']],
  ['0, ..., 1, 2', () => [0, '...', 1, 2]],
  ['None', () => [null]],
  ['None, 0', () => [null, 0]],
  ['0, None', () => [0, null]],
  ['..., None', () => ['...', null]],
  ['None, ..., None, 2', () => [null, '...', null, 2]],
  [':', () => [':']],
  ['1:3', () => ['1:3']],
  ['::2', () => ['::2']],
  [':, 1:', () => [':', '1:']],
  [':, :-1', () => [':', ':-1']],
  [':, -3:-1', () => [':', '-3:-1']],
  ['0:100:2, 50:', () => [torch.slice(0, 100, 2), '50:']],
  ['2:1', () => [torch.slice(2, 1)]],
  ['..., ::3', () => ['...', torch.slice(null, null, 3)]],
  [':, None, 1', () => [':', null, 1]],
  ['True', () => [true]],
  ['False', () => [false]],
  ['True, 0', () => [true, 0]],
  ['0, True', () => [0, true]],
  ['False, :, 1', () => [false, ':', 1]],
  ['True, [0, 2]', () => [true, [0, 2]]],
  ['torch.tensor(True)', () => [torch.tensor(true)]],
  ['torch.tensor(False), 1', () => [torch.tensor(false), 1]],
  ['torch.tensor(1)', () => [torch.tensor(1n)]],
  ['torch.tensor(-1), :, [0, 1]', () => [torch.tensor(-1n), ':', [0, 1]]],
  ['[0, 2]', () => [[0, 2]]],
  ['[0, -1, 0]', () => [[0, -1, 0]]],
  ['[]', () => [[]]],
  [
    '[[0, 1], [1, 0]], ',
    () => [
      [
        [0, 1],
        [1, 0],
      ],
    ],
  ],
  ['[[0, 1], [1, 0]],', () => [grid()]],
  [':, [0, 2]', () => [':', [0, 2]]],
  [
    '[0, 2], [1, 3]',
    () => [
      [0, 2],
      [1, 3],
    ],
  ],
  ['[0, 2], [1]', () => [[0, 2], [1]]],
  [
    '[[0], [2]], [1, 3]',
    () => [
      [[0], [2]],
      [1, 3],
    ],
  ],
  ['[0, 2], :, [1, 3]', () => [[0, 2], ':', [1, 3]]],
  ['0, :, [1, 3]', () => [0, ':', [1, 3]]],
  ['[0, 1], :, 1', () => [[0, 1], ':', 1]],
  [':, [0, 2], None, [1, 3]', () => [':', [0, 2], null, [1, 3]]],
  ['..., [0, 2]', () => ['...', [0, 2]]],
  ['None, [0, 2], ..., [1, 3]', () => [null, [0, 2], '...', [1, 3]]],
  ['1:, [0, 2]', () => ['1:', [0, 2]]],
  ['torch.tensor([0, 2]), 1:3, ::2', () => [ints(0, 2), '1:3', '::2']],
  ['torch.tensor([[0, 1], [1, 0]]), torch.tensor([1, 2])', () => [grid(), ints(1, 2)]],
  ['[True, False, True]', () => [[true, false, true]]],
  [
    '[True, False, True], [0, 1]',
    () => [
      [true, false, true],
      [0, 1],
    ],
  ],
  ['mask(3)', () => [mask(3)]],
  ['mask(3, 4)', () => [mask(3, 4)]],
  ['mask(3, 4, 5)', () => [mask(3, 4, 5)]],
  [':, mask(4)', () => [':', mask(4)]],
  [':, mask(4, 5)', () => [':', mask(4, 5)]],
  ['..., mask(5)', () => ['...', mask(5)]],
  ['1, mask(4)', () => [1, mask(4)]],
  ['mask(3), 1:3', () => [mask(3), '1:3']],
  ['mask(3), None', () => [mask(3), null]],
  ['mask(3).to(torch.uint8)', () => [mask(3).to('uint8')]],
  ['torch.zeros(3, dtype=torch.bool)', () => [torch.zeros(3, { dtype: 'bool' })]],
];

/** Runs in Python: `fill` writes x[index] = v. */
const python = `
def mask(*shape): return (torch.arange(int(np.prod(shape))) % 3 == 1).view(*shape)
def fresh(): return torch.arange(60.).view(3, 4, 5)
`;

suite('Tensor.index()', () => {
  test(`gives what Python's x[…] gives, for ${table.length} expressions`, async () => {
    const code = `${python}
import warnings; warnings.simplefilter('ignore')
for e in expressions: out[e] = eval(f'fresh()[{e}]')`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code, { expressions: table.map(([e]) => e) });
    const x = torch.arange(60).float().view(3, 4, 5);
    for (const [expression, indices] of table)
      assertClose(x.index(...indices()), expected[expression], {}, `x[${expression}]`);
  });

  test('passes gradients for every expression', async () => {
    const code = `${python}
for e in expressions:
  x = fresh().requires_grad_()
  y = eval(f'x[{e}]'); (y * torch.arange(1., y.numel() + 1).view(y.shape)).sum().backward(); out[e] = x.grad`;
    const expected = await reference.run<Record<string, torch.Tensor>>(code, { expressions: table.map(([e]) => e) });
    for (const [expression, indices] of table) {
      const x = torch.arange(60).float().view(3, 4, 5).requiresGrad_();
      const y = x.index(...indices());
      y.mul(torch.arange(1, y.numel() + 1).view(y.shape))
        .sum()
        .backward();
      assertClose(x.grad, expected[expression], {}, `x[${expression}]`);
    }
  });

  test('is a view for numbers and slices, a copy for index tensors', () => {
    const x = torch.zeros(3, 4);
    x.index(1, '::2').fill_(5);
    assert.deepEqual(x.index(1).toArray(), [5, 0, 5, 0]);
    x.index([1]).fill_(7);
    x.index(torch.ones(3, { dtype: 'bool' })).fill_(7);
    assert.deepEqual(x.index(1).toArray(), [5, 0, 5, 0]);
    assert.notEqual(x.index(), x);
    x.index().fill_(1);
    assert.equal(x.sum().item(), 12);
  });

  test('continues after a mask of several dimensions, where PyTorch does not', () => {
    const x = torch.arange(24).view(2, 3, 4);
    const both = torch.ones(2, 3, { dtype: 'bool' });
    assert.deepEqual(x.index(both, 1).toArray(), [1, 5, 9, 13, 17, 21]);
  });

  test('rejects values that are out of range or not an index, and names them', () => {
    const x = torch.zeros(2, 3);
    const bad: [unknown[], RegExp][] = [
      [[2], /2 is out of bounds for dimension 0 with size 2/],
      [[-3], /-3 is out of bounds for dimension 0/],
      [[0, 3], /3 is out of bounds for dimension 1 with size 3/],
      [[null, 0, 3], /3 is out of bounds for dimension 1 with size 3/],
      [['...', 3], /3 is out of bounds for dimension 1 with size 3/],
      [[0, 0, 0], /3 indices for a tensor with 2 dimensions of shape \[2, 3\]/],
      [['...', '...'], /may be given once/],
      [[1.5], /1.5 is out of bounds/],
      [[Number.NaN], /NaN is out of bounds/],
      [['1'], /neither a slice/],
      [['a:b'], /neither a slice/],
      [['1:2:3:4'], /neither a slice/],
      [['::0'], /step/],
      [['::-1'], /step/],
      [[undefined], /got undefined/],
      [[{}], /got an object/],
      [[1n], /got 1n/],
      [[[0.5]], /got 0.5/],
      [[[0, true]], /different types/],
      [[['a']], /got the string "a"/],
      [[new Array(2)], /got undefined/],
    ];
    for (const [indices, message] of bad) {
      assert.throws(() => x.index(...(indices as torch.Index[])), { name: 'TorchError', code: 'ARGUMENT', message });
    }
    assert.throws(() => x.index([0, 5]), {
      name: 'TorchError',
      message: /index 5 is out of bounds for dimension 0 with size 2/,
    });
    assert.throws(() => x.index(torch.ones(3, { dtype: 'bool' })), {
      name: 'TorchError',
      message: /mask \[3\] at index 0 does not match/,
    });
    assert.throws(() => x.index([0, 1], [0, 1, 2]), { name: 'TorchError', message: /could not be broadcast/ });
    assert.throws(() => x.index(torch.ones(2)), {
      name: 'TorchError',
      message: /tensors used as indices must be long, (int, )?byte or bool/,
    });
    assert.throws(() => torch.zeros([]).index(0), {
      name: 'TorchError',
      message: /1 indices for a tensor with 0 dimensions/,
    });
  });
});

suite('Tensor.indexPut_()', () => {
  test('writes what Python writes with x[…] = tensor, and = number, for every expression', async () => {
    const code = `${python}
for e in expressions:
  x, y = fresh(), fresh()
  place = eval(f'x[{e}]')
  v = -torch.arange(1., place.numel() + 1).view(place.shape)
  exec(f'x[{e}] = v')
  if 'uint8' not in e: exec(f'y[{e}] = -7') # libtorch 2 fills by masks of bool only
  out[e] = [x, y]`;
    const expected = await reference.run<Record<string, [torch.Tensor, torch.Tensor]>>(code, {
      expressions: table.map(([e]) => e),
    });
    for (const [expression, indices] of table) {
      const x = torch.arange(60).float().view(3, 4, 5);
      const y = x.clone();
      const place = x.index(...indices());
      x.indexPut_(
        indices(),
        torch
          .arange(1, place.numel() + 1)
          .neg()
          .float()
          .view(place.shape),
      );
      if (!expression.includes('uint8')) y.indexPut_(indices(), -7);
      assertClose(x, expected[expression]?.[0], {}, `x[${expression}] = v`);
      assertClose(y, expected[expression]?.[1], {}, `x[${expression}] = -7`);
    }
  });

  test('broadcasts, and drops leading dimensions of size 1', () => {
    const x = torch.zeros(2, 3);
    assert.deepEqual(x.indexPut_([0], torch.tensor([[1, 2, 3]])).toArray(), [
      [1, 2, 3],
      [0, 0, 0],
    ]);
    assert.deepEqual(x.indexPut_([[1]], torch.tensor([[[4]]])).toArray(), [
      [1, 2, 3],
      [4, 4, 4],
    ]);
    assert.deepEqual(x.indexPut_([':', 0], torch.tensor([8, 9])).toArray(), [
      [8, 2, 3],
      [9, 4, 4],
    ]);
    assert.deepEqual(x.indexPut_([], 1).toArray(), [
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  test('adds with accumulate, twice where an element is named twice', () => {
    const x = torch.zeros(3);
    x.indexPut_([[0, 0, 2]], torch.tensor([1, 2, 3]), { accumulate: true });
    x.indexPut_([ints(2)], 1, true);
    x.indexPut_(['1:'], 10, { accumulate: true });
    assert.deepEqual(x.toArray(), [3, 10, 14]);
  });

  test('keeps large BigInts and -0', () => {
    assert.equal(
      torch
        .zeros(2, { dtype: 'int64' })
        .indexPut_([0], 2n ** 60n + 1n)
        .index(0)
        .item(),
      2n ** 60n + 1n,
    );
    assert.ok(Object.is(torch.ones(2).indexPut_([0], -0).index(0).item(), -0));
    assert.deepEqual(torch.zeros(2, { dtype: 'bool' }).indexPut_([1], true).toArray(), [false, true]);
  });

  test('rejects values that do not fit', () => {
    const x = torch.zeros(2, 3);
    assert.throws(() => x.indexPut_([0], torch.ones(4)), { name: 'TorchError', message: /\[3\]|\(3\)/ });
    assert.throws(() => x.indexPut_([[0, 1]], torch.ones(4)), { name: 'TorchError', message: /shape mismatch/ });
    assert.throws(() => x.indexPut_([0], 'x' as unknown as number), { name: 'TorchError', code: 'ARGUMENT' });
    assert.throws(() => torch.ones(2, { requiresGrad: true }).indexPut_([0], 1), {
      name: 'TorchError',
      message: /leaf Variable that requires grad/,
    });
  });
});

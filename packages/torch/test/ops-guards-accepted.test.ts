/** Arguments near those that are refused (ops-guards.test.ts), which must give what they give in PyTorch. */
import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import * as torch from '../src/index.js';
import { call, indices, least } from './helpers/unchecked-calls.js';
import { assertClose, Reference } from './reference/reference.js';

const reference = new Reference();
after(() => reference.stop());

const { tensor, ones, zeros } = torch;
const int64 = { dtype: 'int64' } as const;

suite('the least integer divided by -1', () => {
  const integers = (result: unknown): string[] => [(result as torch.Tensor).toArray()].flat(9).map(String);
  const cases: [type: 'int32' | 'int64', smallest: bigint][] = [
    ['int32', -(2n ** 31n)],
    ['int64', least],
  ];
  for (const [dtype, smallest] of cases) {
    const x = tensor([smallest, 7n, -7n], { dtype });
    const minus = tensor([-1n, -1n, 2n], { dtype });

    test(`wraps, and has the remainder 0: ${dtype} by a tensor`, () => {
      assert.deepEqual(integers(torch.floorDivide(x, minus)), [`${smallest}`, '-7', '-4']);
      assert.deepEqual(integers(torch.fmod(x, minus)), ['0', '0', '-1']);
      assert.deepEqual(integers(torch.remainder(x, minus)), ['0', '0', '1']);
      assert.deepEqual(integers(x.div(minus, { roundingMode: 'trunc' })), [`${smallest}`, '-7', '-3']);
    });

    test(`wraps, and has the remainder 0: ${dtype} by a number`, () => {
      assert.deepEqual(integers(x.floorDivide(-1)), [`${smallest}`, '-7', '7']);
      assert.deepEqual(integers(x.fmod(-1)), ['0', '0', '0']);
      assert.deepEqual(integers(x.remainder(-1)), ['0', '0', '0']);
      assert.deepEqual(integers(x.div(-1, { roundingMode: 'floor' })), [`${smallest}`, '-7', '7']);
      assert.deepEqual(integers(call('remainder', 'Scalar_Tensor', smallest, minus.index(':1'))), ['0']);
    });

    test(`wraps in place and into out: ${dtype}`, () => {
      assert.deepEqual(integers(x.clone().floorDivide_(minus)), [`${smallest}`, '-7', '-4']);
      assert.deepEqual(integers(x.clone().remainder_(-1)), ['0', '0', '0']);
      const out = zeros([3], { dtype });
      call('fmod', 'Scalar_out', x, -1, { out });
      assert.deepEqual(integers(out), ['0', '0', '0']);
      call('div', 'out_mode', x, minus, { roundingMode: 'floor', out });
      assert.deepEqual(integers(out), [`${smallest}`, '-7', '-4']);
    });
  }

  test('keeps dtypes, shapes and gradients as they are elsewhere', () => {
    const bytes = tensor([-128, 5], { dtype: 'int8' });
    assert.equal(bytes.floorDivide(-1).dtype, 'int8');
    const mixed = tensor([[least], [4n]]).floorDivide(tensor([-1, 2], { dtype: 'int32' }));
    assert.deepEqual([mixed.dtype, mixed.shape], ['int64', [2, 2]]);
    assert.deepEqual(integers(mixed), [`${least}`, `${least / 2n}`, '-4', '2']);
    const x = tensor([3.5], { requiresGrad: true });
    torch.fmod(x, -1).backward();
    assert.deepEqual(x.grad?.toArray(), [1]);
    const small = tensor([0, -8], { dtype: 'int32' });
    assert.deepEqual(integers(small.floorDivide(tensor([-1n, -1n]))), ['0', '8']);
    assert.deepEqual(integers(tensor([0, 8], { dtype: 'uint8' }).floorDivide(tensor([-1n, -1n]))), ['0', '-8']);
    assert.deepEqual(integers(tensor([least, 4n]).floorDivide(tensor([-1, 2], { dtype: 'int8' }))), [`${least}`, '2']);
    assert.deepEqual(
      integers(
        tensor([[least], [4n]])
          .transpose(0, 1)
          .floorDivide(-1),
      ),
      [`${least}`, '-4'],
    );
    assert.throws(() => tensor([least]).floorDivide(0), /ZeroDivisionError/);
  });
});

suite('arguments near those that are refused', () => {
  test('give what PyTorch gives', async () => {
    const cases: [string, () => unknown][] = [
      [
        'torch.searchsorted(torch.tensor([3., 1., 2.]), torch.tensor([1.5, 9.]), sorter=torch.tensor([1, 2, 0]))',
        () => call('searchsorted', 'Tensor', tensor([3, 1, 2]), tensor([1.5, 9]), { sorter: indices(1, 2, 0) }),
      ],
      [
        'torch.nn.functional.ctc_loss(torch.arange(24.).reshape(4, 2, 3).log_softmax(2), torch.tensor([[1, 2, -1], [2, -1, 99]]), (4, 4), (2, 1))',
        () =>
          call(
            'ctc_loss',
            'IntList',
            torch.arange(24, { dtype: 'float32' }).reshape(4, 2, 3).logSoftmax(2),
            tensor(
              [
                [1, 2, -1],
                [2, -1, 99],
              ],
              int64,
            ),
            [4, 4],
            [2, 1],
          ),
      ],
      [
        'torch.nn.functional.ctc_loss(torch.arange(24.).reshape(4, 2, 3).log_softmax(2), torch.tensor([1, 2, 2]), torch.tensor([4, 4]), torch.tensor([2, 1]))',
        () =>
          call(
            'ctc_loss',
            'Tensor',
            torch.arange(24, { dtype: 'float32' }).reshape(4, 2, 3).logSoftmax(2),
            indices(1, 2, 2),
            indices(4, 4),
            indices(2, 1),
          ),
      ],
      [
        'torch.nn.functional.embedding_bag(torch.tensor([0, 2, 1]), torch.arange(6.).reshape(3, 2), torch.tensor([0, 2, 3]), mode="sum", include_last_offset=True)',
        () =>
          (
            call(
              'embedding_bag',
              '',
              torch.arange(6, { dtype: 'float32' }).reshape(3, 2),
              indices(0, 2, 1),
              indices(0, 2, 3),
              false,
              0,
              false,
              null,
              true,
            ) as torch.Tensor[]
          )[0],
      ],
      [
        'torch.special.legendre_polynomial_p(torch.tensor([0.5, -0.25]), 6)',
        () => call('special_legendre_polynomial_p', 'n_scalar', tensor([0.5, -0.25]), 6),
      ],
      [
        'torch.repeat_interleave(torch.tensor([2, 0, 3]), output_size=5)',
        () => call('repeat_interleave', 'Tensor', indices(2, 0, 3), { output_size: 5 }),
      ],
      [
        'torch.repeat_interleave(torch.arange(4.).reshape(2, 2), torch.tensor([1, 2]), dim=0, output_size=3)',
        () =>
          call(
            'repeat_interleave',
            'self_Tensor',
            torch.arange(4, { dtype: 'float32' }).reshape(2, 2),
            indices(1, 2),
            0,
            { output_size: 3 },
          ),
      ],
      [
        'torch.linalg.lu_solve(*torch.linalg.lu_factor(torch.tensor([[1., 2.], [3., 4.]])), torch.ones(2, 1))',
        () => {
          const [lu, pivots] = call(
            'linalg_lu_factor',
            '',
            tensor([
              [1, 2],
              [3, 4],
            ]),
          ) as torch.Tensor[];
          return call('linalg_lu_solve', '', lu, pivots, ones(2, 1));
        },
      ],
      [
        'torch.linalg.ldl_solve(*torch.linalg.ldl_factor(torch.tensor([[0., 1.], [1., 0.]])), torch.tensor([[2.], [5.]]))',
        () => {
          const [ld, pivots] = call(
            'linalg_ldl_factor',
            '',
            tensor([
              [0, 1],
              [1, 0],
            ]),
          ) as torch.Tensor[];
          return call('linalg_ldl_solve', '', ld, pivots, tensor([[2], [5]]));
        },
      ],
      [
        'torch.nn.functional.max_pool2d(torch.arange(16.).reshape(1, 4, 4), 2)',
        () => call('max_pool2d', '', torch.arange(16, { dtype: 'float32' }).reshape(1, 4, 4), [2]),
      ],
      [
        'torch.nn.functional.pad(torch.arange(3.).reshape(1, 3), (1, 2), mode="reflect")',
        () => call('reflection_pad1d', '', torch.arange(3, { dtype: 'float32' }).reshape(1, 3), [1, 2]),
      ],
      [
        'torch.segment_reduce(torch.arange(6.).reshape(2, 3), "sum", lengths=torch.tensor([[1, 2], [3, 0]]), axis=1)',
        () =>
          call('segment_reduce', '', torch.arange(6, { dtype: 'float32' }).reshape(2, 3), 'sum', {
            lengths: tensor(
              [
                [1, 2],
                [3, 0],
              ],
              int64,
            ),
            axis: 1,
          }),
      ],
      [
        'torch.nn.functional.interpolate(torch.arange(16.).reshape(1, 1, 4, 4), scale_factor=1.3, mode="bilinear")',
        () =>
          call(
            'upsample_bilinear2d',
            '',
            torch.arange(16, { dtype: 'float32' }).reshape(1, 1, 4, 4),
            [5, 5],
            false,
            1.3,
            1.3,
          ),
      ],
      ['torch.lcm(torch.tensor([4, -6]), torch.tensor([6, 4]))', () => call('lcm', '', indices(4, -6), indices(6, 4))],
      [
        'torch.native_channel_shuffle(torch.arange(8.).reshape(1, 4, 2), 2)',
        () => call('native_channel_shuffle', '', torch.arange(8, { dtype: 'float32' }).reshape(1, 4, 2), 2),
      ],
    ];
    for (const [python, run] of cases) {
      const { y } = await reference.run<{ y: torch.Tensor }>(`out = {"y": ${python}}`);
      assertClose(run() as torch.Tensor, y, { rtol: 1e-5, atol: 1e-6 }, python);
    }
  });

  test('lstm with projections has its own rows in each layer', () => {
    const weights = [ones(8, 3), ones(8, 1), ones(8), ones(8), ones(1, 2)];
    const [output] = call(
      'lstm',
      'input',
      ones(5, 1, 3),
      [zeros(1, 1, 1), zeros(1, 1, 2)],
      weights,
      true,
      1,
      0,
      false,
      false,
      false,
    ) as torch.Tensor[];
    assert.deepEqual(output?.shape, [5, 1, 1]);
  });
});

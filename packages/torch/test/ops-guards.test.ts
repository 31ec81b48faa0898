/**
 * Arguments that libtorch trusts and that would end the process, or keep it busy for ever: each throws a TorchError that says
 * what was expected. A call that is not guarded ends this file's process, which fails the file.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { findOperator } from '../src/binding/operator.js';
import * as torch from '../src/index.js';
import { call, indices, least } from './helpers/unchecked-calls.js';

const { tensor, ones, zeros, rand } = torch;
const int64 = { dtype: 'int64' } as const;
const int32 = { dtype: 'int32' } as const;
const gates = (rows: number): torch.Tensor[] => [ones(rows, 2), ones(rows, 2), ones(rows), ones(rows)];

/** The call, and what its message must say. */
const refused: [what: string, run: () => unknown, message: RegExp][] = [
  [
    'max_pool1d without a dilation',
    () => call('max_pool1d', '', ones(3, 4), [3], [], [0], []),
    /dilation: expected 1 integers, got 0/,
  ],
  [
    'lstm of a packed batch without steps',
    () =>
      call(
        'lstm',
        'data',
        ones(4, 2),
        zeros([0], int64),
        [ones(1, 3, 2), ones(1, 3, 2)],
        gates(8),
        true,
        1,
        0,
        false,
        false,
      ),
    /expected batch_sizes of one dimension with elements, got \[0\]/,
  ],
  [
    'rnn_tanh of a packed batch that grows',
    () => call('rnn_tanh', 'data', ones(4, 2), indices(1, 3), ones(1, 3, 2), gates(2), true, 1, 0, false, false),
    /batch_sizes: expected positive integers that do not rise, got 3 after 1/,
  ],
  [
    'binomial of counts that are no numbers',
    () => call('binomial', '', tensor([Number.NaN]), tensor([0.3])),
    /expected counts that are numbers, got NaN/,
  ],
  [
    'upsample_bilinear2d with a scale of a smaller output',
    () => call('upsample_bilinear2d', '', ones(1, 1, 4, 4), [8, 8], false, 1e-19, 2),
    /scales_h: expected at least 8 \/ 4/,
  ],
  [
    '_upsample_bicubic2d_aa with a scale of a smaller output',
    () => call('_upsample_bicubic2d_aa', '', ones(1, 1, 4, 4), [8, 8], false, 2, 1e-10),
    /scales_w: expected at least 8 \/ 4/,
  ],
  [
    'combinations of 2⁴⁰',
    () => call('combinations', '', ones(4), 2 ** 40),
    /r: expected at most 64, got 1099511627776/,
  ],
  [
    'bincount of the largest integer',
    () => call('bincount', '', tensor([2n ** 63n - 1n])),
    /expected less than the largest int64/,
  ],
  [
    'set_ beyond the memory of a typed array',
    () =>
      call(
        'set_',
        'source_Tensor_storage_offset',
        ones(2),
        torch.fromTypedArray(new Float32Array(4)),
        2 ** 40,
        [4],
        [1],
      ),
    /storage of 4 elements, which cannot grow, got element 1099511627779/,
  ],
  [
    'zero_ of a oneDNN tensor of bfloat16',
    () => call('zero_', '', ones([1, 2, 4, 4], { dtype: 'bfloat16' }).toMkldnn()),
    /expected a oneDNN tensor of float32, got BFloat16/,
  ],
  [
    'random numbers from the largest integer',
    () => call('random', 'from', ones(2), 2n ** 63n - 1n, null),
    /from: expected less than the largest int64/,
  ],
  [
    'copy between layouts',
    () => call('copy', '', torch.eye(2).toSparse(), ones(2, 2)),
    /expected tensors of one layout, got Sparse and Strided/,
  ],
  [
    'range by a step that is zero in its type',
    () => call('range', 'out', -1, -1, 0.5, { out: zeros([2], int64) }),
    /step: expected an integer that is not zero, got 0.5/,
  ],
  [
    'range of integers over all of int64, downwards',
    () => call('range', 'out', 0, -(2 ** 63), -1, { out: zeros([2], int64) }),
    /expected a start and an end less than 2\^63 apart, got 0 and -9\.22337e\+18/,
  ],
  [
    'arange over all of int64, downwards',
    () => torch.arange(1, 1 - 2 ** 63, -1),
    /expected a start and an end less than 2\^63 apart, got 1 and -9\.22337e\+18/,
  ],
  [
    'arange over all of int64 with a given output, downwards by less than a whole number',
    () => call('arange', 'start_out', 0, -(2 ** 63), -1.5, { out: zeros([2], int64) }),
    /expected a start and an end less than 2\^63 apart/,
  ],
  [
    'searchsorted with a sorter out of range',
    () => call('searchsorted', 'Tensor', ones(3), ones(2), { sorter: indices(0, 1, 2 ** 40) }),
    /sorter index out of range: expected 0 to 2, got 1099511627776/,
  ],
  [
    'searchsorted with a negative sorter',
    () => call('searchsorted', 'Tensor', ones(3), ones(2), { sorter: indices(0, -5, 1) }),
    /sorter index out of range: expected 0 to 2, got -5/,
  ],
  [
    'ctc_loss with a class that there is not',
    () => call('ctc_loss', 'IntList', zeros(4, 1, 3), indices(1, 2 ** 40), [4], [2]),
    /targets: expected classes 0 to 2, got 1099511627776/,
  ],
  [
    'ctc_loss with too long targets',
    () => call('ctc_loss', 'IntList', zeros(4, 1, 3), indices(1, 2), [4], [2 ** 40]),
    /target_lengths: expected 0 to 2, got 1099511627776/,
  ],
  [
    'ctc_loss with a negative length',
    () => call('ctc_loss', 'IntList', zeros(4, 1, 3), indices(1, 2), [4], [-1]),
    /target_lengths: expected 0 to 2, got -1/,
  ],
  [
    'ctc_loss with lengths of more sequences',
    () => call('ctc_loss', 'Tensor', zeros(4, 1, 3), indices(1, 2), indices(4, 4), indices(1, 1)),
    /expected 1 input_lengths, one for each sequence, got 2/,
  ],
  [
    'ctc_loss with lengths that add up to more than the targets',
    () => call('ctc_loss', 'IntList', zeros(4, 2, 3), indices(1, 2), [4, 4], [2, 2]),
    /target_lengths have the sum 4, more than the 2 targets/,
  ],
  [
    'ctc_loss without probabilities',
    () => call('ctc_loss', 'IntList', zeros(0, 1, 3), indices(1), [0], [1]),
    /expected log_probs with elements/,
  ],
  [
    'reflection_pad1d without a padding',
    () => call('reflection_pad1d', '', ones(1, 2, 3), []),
    /padding: expected 2 integers, got 0/,
  ],
  [
    'reflection_pad1d.out with one padding',
    () => call('reflection_pad1d', 'out', ones(1, 2, 3), [1], { out: ones(0) }),
    /padding: expected 2 integers, got 1/,
  ],
  [
    'replication_pad3d with five',
    () => call('replication_pad3d', '', ones(1, 2, 3, 3, 3), [1, 1, 1, 1, 1]),
    /padding: expected 6 integers, got 5/,
  ],
  ['cat of nothing', () => call('concatenate', '', []), /expected at least one tensor, got an empty list/],
  [
    'a polynomial of degree 2⁵³',
    () => call('special_legendre_polynomial_p', 'n_scalar', rand(2), 2 ** 53),
    /expected a degree n of at most 65536.* got 9\.0072e\+15/s,
  ],
  [
    'a polynomial of a degree of 2⁶²',
    () => call('special_chebyshev_polynomial_t', 'n_scalar', rand(2), 2n ** 62n),
    /expected a degree n of at most 65536/,
  ],
  [
    'polynomials of degrees in a tensor',
    () => call('special_laguerre_polynomial_l', '', rand(2), tensor([1, 1e15])),
    /expected a degree n of at most 65536/,
  ],
  [
    'to_sparse_bsr without a blocksize',
    () => call('to_sparse_bsr', '', ones(2, 2), []),
    /blocksize: expected 2 integers, got 0/,
  ],
  [
    'to_sparse_bsc with blocks of zero',
    () => call('to_sparse_bsc', '', ones(2, 2), [0, 1]),
    /expected positive blocksizes, got 0/,
  ],
  [
    'gru_cell with weights of no gates',
    () => call('gru_cell', '', ones(1, 2), ones(1, 2), ...gates(1)),
    /expected weights and biases of 3 × hidden size rows, got \[1, 2\]/,
  ],
  [
    'lstm_cell with weights of three gates',
    () => call('lstm_cell', '', ones(1, 2), [ones(1, 2), ones(1, 2)], ...gates(3)),
    /expected weights and biases of 4 × hidden size rows/,
  ],
  [
    'gru with weights of two rows',
    () => call('gru', 'input', ones(3, 1, 2), ones(1, 1, 2), gates(2), true, 1, 0, false, false, false),
    /expected weights and biases of 3 × hidden size rows/,
  ],
  [
    'max_unpool2d without a size',
    () => call('max_unpool2d', '', ones(1, 2, 2), zeros([1, 2, 2], int64), []),
    /output_size: expected 2 integers, got 0/,
  ],
  [
    'max_unpool2d.out without a size',
    () => call('max_unpool2d', 'out', ones(1, 2, 2), zeros([1, 2, 2], int64), [], { out: ones(0) }),
    /output_size: expected 2 integers, got 0/,
  ],
  [
    'histogramdd with bins of another number',
    () => call('histogramdd', '', rand(4, 3), [2, 2]),
    /expected bins for each of the 3 dimensions, got 2/,
  ],
  [
    'histogramdd with half a range',
    () => call('histogramdd', 'int_bins', rand(4, 3), 2, { range: [0, 1] }),
    /expected a range of 6 numbers/,
  ],
  [
    'embedding_bag with offsets out of range',
    () => call('embedding_bag', '', rand(4, 2), indices(0, 1), indices(0, 2 ** 40)),
    /offsets: expected integers from 0 to 2 that do not fall, got 1099511627776 after 0/,
  ],
  [
    'repeat_interleave of 2⁶²',
    () => call('repeat_interleave', 'self_int', ones(8), 2n ** 62n),
    /too many repeats: 4611686018427387904/,
  ],
  [
    'repeat_interleave with a size that is too small',
    () => call('repeat_interleave', 'Tensor', indices(3, 4), { output_size: 1 }),
    /expected output_size 7, the sum of the repeats, got 1/,
  ],
  [
    'native_channel_shuffle of nothing',
    () => call('native_channel_shuffle', '', ones(0, 4, 2, 2), 2),
    /expected an input of more than two dimensions with elements/,
  ],
  [
    'native_channel_shuffle of no channels',
    () => call('native_channel_shuffle', '', ones(1, 3, 2, 2), 2),
    /expected channels that groups divide, got 3 channels and 2 groups/,
  ],
  [
    'pixel_shuffle by 2⁴⁰',
    () => call('pixel_shuffle', '', ones(1, 4, 2, 2), 2 ** 40),
    /upscale_factor: expected integers from -2147483647 to 2147483647, got 1099511627776/,
  ],
  [
    'slow_conv3d with a huge padding',
    () =>
      call('slow_conv3d', '', ones(1, 1, 2, 2, 2), ones(1, 1, 1, 1, 1), [1, 1, 1], null, [1, 1, 1], [0, 2 ** 52, 0]),
    /padding: expected integers from/,
  ],
  [
    'slow_conv3d without a stride',
    () =>
      call('slow_conv3d_forward', '', ones(1, 1, 2, 2, 2), ones(1, 1, 1, 1, 1), [1, 1, 1], null, [0, 1, 1], [0, 0, 0]),
    /stride: expected integers from 1/,
  ],
  [
    'conv2d in 2⁶² groups',
    () => call('conv2d', '', ones(1, 4, 2, 2), ones(4, 1, 1, 1), null, [1, 1], [0, 0], [1, 1], 2n ** 62n),
    /groups: expected integers from 1 to 2147483647/,
  ],
  ['chunk into 2⁶² of an empty tensor', () => call('chunk', '', ones(0), 2n ** 62n), /chunks: expected integers/],
  [
    'native_batch_norm of nothing',
    () => call('native_batch_norm', '', ones(0, 2, 4), null, null, null, null, true, 0.1, 1e-5),
    /expected an input of at least two dimensions with elements, got \[0, 2, 4\]/,
  ],
  [
    'batch_norm_update_stats with statistics of other channels',
    () => call('batch_norm_update_stats', '', ones(2, 8), ones(1), ones(8), 0.1),
    /running_mean: expected 8 elements, one for each channel, got \[1\]/,
  ],
  [
    'native_group_norm of more than there is',
    () => call('native_group_norm', '', ones(1, 2, 2), null, null, 1, 2, 2 ** 40, 1, 1e-5),
    /expected N × C × HxW of 4, the elements of the input, got 2199023255552/,
  ],
  [
    'choose_qparams_optimized of more than there is',
    () => call('choose_qparams_optimized', '', ones(4), 2 ** 40, 4, 0.5, 8),
    /numel: expected 1 to 4/,
  ],
  [
    'choose_qparams_optimized with 2⁴⁰ bins',
    () => call('choose_qparams_optimized', '', ones(4), 4, 2 ** 40, 0.5, 8),
    /n_bins: expected 1 to 65536/,
  ],
  [
    'rrelu_with_noise with less noise',
    () => call('rrelu_with_noise', '', ones(4096), ones(1), 0.1, 0.3, true),
    /expected noise of the input's shape/,
  ],
  [
    'lu_solve with pivots out of range',
    () => call('lu_solve', '', ones(2, 1), torch.eye(2), tensor([1, 2 ** 30], int32)),
    /LU_pivots: expected rows from 1 to 2, got 1073741824/,
  ],
  [
    'linalg_ldl_solve with a pivot of zero',
    () => call('linalg_ldl_solve', '', torch.eye(2), tensor([0, 1], int32), ones(2, 1)),
    /pivots: expected rows from 1 to 2, got 0/,
  ],
  [
    'lu_unpack with pivots out of range',
    () => call('lu_unpack', '', torch.eye(2), tensor([1, 2 ** 30], int32)),
    /LU_pivots: expected rows from 1 to 2/,
  ],
  [
    'segment_reduce without its checks',
    () => call('segment_reduce', '', ones(3), 'sum', { lengths: indices(2 ** 40), unsafe: true }),
    /expected unsafe: false/,
  ],
  [
    '_foreach_add of lists of two lengths',
    () => call('_foreach_add', 'List', [ones(2)], [ones(2), ones(2)]),
    /expected lists of equal length, got 1 and 2|same number of tensors/,
  ],
  [
    'lcm of the least integer',
    () => call('lcm', '', tensor([least]), tensor([2n])),
    /expected integers with an absolute value/,
  ],
];

suite('arguments that would end the process', () => {
  for (const [what, run, message] of refused)
    test(`are refused: ${what}`, () => {
      assert.throws(run, (error) => {
        assert.ok(error instanceof torch.TorchError, String(error));
        assert.match(error.message, message);
        return true;
      });
    });

  test('give integers or an error where the step of arange is zero in their type, as PyTorch 2.14 and 1.13 do', () => {
    const out = zeros([3], int64);
    for (const run of [
      () => torch.arange(0.5, 2, 0.5, int64),
      () => torch.arange(0, -1.5, -0.5, int64),
      () => call('arange', 'start_out', 0.5, 2, 0.5, { out }) as torch.Tensor,
    ])
      try {
        assert.deepEqual([...run().toTypedArray()], [0n, 0n, 0n]);
      } catch (error) {
        assert.ok(error instanceof torch.TorchError, String(error));
        assert.match(error.message, /step: expected an integer that is not zero, got -?0\.5/);
      }
  });

  const newerOrOlder: typeof refused = [
    ['_foreach_copy', () => call('_foreach_copy', '', [ones(2)], [ones(2), ones(1)]), /of equal length, got 1 and 2/],
    ['align_tensors', () => call('align_tensors', '', []), /expected at least one tensor, got an empty list/],
  ];
  for (const [name, run, message] of newerOrOlder)
    test(`are refused in ${name}, where this libtorch has it`, { skip: findOperator(`aten::${name}`) === null }, () => {
      assert.throws(run, message);
    });
});

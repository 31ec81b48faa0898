/** Products with rows of weights: `linear` and `embedding`. */
import { TorchError } from '../../errors.js';
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';

const { aten } = ops;

/** `[…, in]` → `[…, out]`: `input · weightᵀ + bias`, weight `[out, in]`. Throws `TorchError` when the sizes do not fit. */
export function linear(input: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  return aten.linear.default(input, weight, bias);
}

export interface EmbeddingFunctionOptions {
  /** The row whose gradient is always zero; negative counts from the end. Default null: none. */
  paddingIdx?: number | null;
  /** Divides a row's gradient by how often the batch uses it. Default false. */
  scaleGradByFreq?: boolean;
}

/** Integers `[…]` → rows of `weight`, `[…, D]`. Throws `TorchError` for a `paddingIdx` or an index out of range. */
export function embedding(indices: Tensor, weight: Tensor, options: EmbeddingFunctionOptions = {}): Tensor {
  const names = ['paddingIdx', 'scaleGradByFreq'] as const;
  const { paddingIdx = null, scaleGradByFreq = false } = checkNames('embedding()', options, names);
  const row = paddingIdx === null ? -1 : paddingRow(paddingIdx, shapeOf(weight)[0] ?? 0);
  return aten.embedding.default(weight, indices, row, scaleGradByFreq, false);
}

/** A padding index as a row number. Throws `TorchError` when there is no such row. */
export function paddingRow(paddingIdx: number, rows: number): number {
  if (!Number.isInteger(paddingIdx) || paddingIdx < -rows || paddingIdx >= rows) {
    throw new TorchError('ARGUMENT', `Padding_idx must be within num_embeddings, got ${paddingIdx} for ${rows} rows`);
  }
  return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
}

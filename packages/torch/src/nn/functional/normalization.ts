/** Batch norm, layer norm, and vectors of length one. */
import { TorchError } from '../../errors.js';
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { describeTensor, shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';

const { aten } = ops;

export interface BatchNormFunctionOptions {
  /** Default null: 1. */
  weight?: Tensor | null;
  /** Default null: 0. */
  bias?: Tensor | null;
  /** Whether the batch's own statistics are used, and the running ones updated. Default false. */
  training?: boolean;
  /** Weight of the new statistics in the running ones. Default 0.1. */
  momentum?: number;
  /** Default 1e-5. */
  eps?: number;
}

/**
 * `[B, C, …]` → the same: `(x − mean) / √(var + eps) · weight + bias` by channel, everything else `[C]`.
 * Throws `TorchError` in training when a channel has a single value.
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  options: BatchNormFunctionOptions = {},
): Tensor {
  const names = ['weight', 'bias', 'training', 'momentum', 'eps'] as const;
  const {
    weight = null,
    bias = null,
    training = false,
    momentum = 0.1,
    eps = 1e-5,
  } = checkNames('batchNorm()', options, names);
  if (training) requireManyValues(input);
  return aten.batch_norm.default(input, {
    weight,
    bias,
    runningMean,
    runningVar,
    training,
    momentum,
    eps,
    cudnnEnabled: true,
  });
}

function requireManyValues(input: Tensor): void {
  const [batch = 1, , ...rest] = shapeOf(input);
  if (rest.reduce((product, size) => product * size, batch) !== 1) return;
  throw new TorchError(
    'ARGUMENT',
    `Expected more than 1 value per channel when training, got input size [${shapeOf(input).join(', ')}] [input: ${describeTensor(input)}]`,
  );
}

export interface LayerNormFunctionOptions {
  /** Default null: 1. */
  weight?: Tensor | null;
  /** Default null: 0. */
  bias?: Tensor | null;
  /** Default 1e-5. */
  eps?: number;
}

/** `[…, ...normalizedShape]` → the same: `(x − mean) / √(var + eps) · weight + bias` over the last dimensions. */
export function layerNorm(
  input: Tensor,
  normalizedShape: readonly number[],
  options: LayerNormFunctionOptions = {},
): Tensor {
  const { weight = null, bias = null, eps = 1e-5 } = checkNames('layerNorm()', options, ['weight', 'bias', 'eps']);
  return aten.layer_norm.default(input, normalizedShape, weight, bias, eps, true);
}

export interface NormalizeOptions {
  /** The norm's exponent. Default 2. */
  p?: number;
  /** Default 1. */
  dim?: number;
  /** The least that is divided by. Default 1e-12. */
  eps?: number;
}

/** `x / max(‖x‖ₚ, eps)` along one dimension. */
export function normalize(input: Tensor, options: NormalizeOptions = {}): Tensor {
  const { p = 2, dim = 1, eps = 1e-12 } = checkNames('normalize()', options, ['p', 'dim', 'eps']);
  return input.div(aten.norm.ScalarOpt_dim(input, { p, dim, keepdim: true }).clampMin(eps));
}

export interface CosineSimilarityOptions {
  /** Default 1. */
  dim?: number;
  /** Default 1e-8. */
  eps?: number;
}

/** `x₁ · x₂ / max(‖x₁‖ ‖x₂‖, eps)` along one dimension, which is removed. */
export function cosineSimilarity(x1: Tensor, x2: Tensor, options: CosineSimilarityOptions = {}): Tensor {
  const { dim = 1, eps = 1e-8 } = checkNames('cosineSimilarity()', options, ['dim', 'eps']);
  return aten.cosine_similarity.default(x1, x2, dim, eps);
}

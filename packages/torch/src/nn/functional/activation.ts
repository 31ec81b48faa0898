/** Functions of single elements, and softmax. */
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import type { DType } from '../../tensor/dtype.js';
import type { Tensor } from '../../tensor/tensor.js';
import { bfloat16Gelu, isCpuBfloat16 } from './bfloat16.js';

const { aten } = ops;

/** `max(x, 0)`. */
export function relu(input: Tensor): Tensor {
  return aten.relu.default(input);
}

/** `x · σ(x)`. */
export function silu(input: Tensor): Tensor {
  return aten.silu.default(input);
}

/** `σ(x) = 1 / (1 + exp(−x))`. */
export function sigmoid(input: Tensor): Tensor {
  return aten.sigmoid.default(input);
}

/** `tanh(x)`. */
export function tanh(input: Tensor): Tensor {
  return aten.tanh.default(input);
}

export interface GeluOptions {
  /** 'tanh' replaces Φ by `½(1 + tanh(√(2/π)(x + 0.044715x³)))`. Default 'none'. */
  approximate?: 'none' | 'tanh';
}

/** `x · Φ(x)`, Φ the normal distribution's cumulative function. */
export function gelu(input: Tensor, options: GeluOptions = {}): Tensor {
  const { approximate = 'none' } = checkNames('gelu()', options, ['approximate']);
  if (approximate === 'none' && isCpuBfloat16(input)) return bfloat16Gelu(input);
  return aten.gelu.default(input, { approximate });
}

export interface SoftmaxOptions {
  /** Data type to which the input is converted first. Default: its own. */
  dtype?: DType;
}

/** `exp(xᵢ) / Σⱼ exp(xⱼ)` along `dim`. */
export function softmax(input: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  const { dtype } = checkNames('softmax()', options, ['dtype']);
  return aten.softmax.int(input, dim, dtype ?? null);
}

/** `log(softmax(x))` along `dim`, computed without underflow. */
export function logSoftmax(input: Tensor, dim: number, options: SoftmaxOptions = {}): Tensor {
  const { dtype } = checkNames('logSoftmax()', options, ['dtype']);
  return aten.log_softmax.int(input, dim, dtype ?? null);
}

/** Integers `[…]` → `[…, numClasses]` of zeros and a one, int64. By default as many classes as the largest integer asks for. */
export function oneHot(indices: Tensor, numClasses = -1): Tensor {
  return aten.one_hot.default(indices, numClasses);
}

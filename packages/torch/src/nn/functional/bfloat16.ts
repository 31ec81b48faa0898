/** Our own kernels for bfloat16 on the CPU (native/kernels.cc); they have gradients as every operator. */
import { requireOperator } from '../../binding/operator.js';
import { deviceOf, dtypeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';

/** True for what the kernels take. */
export function isCpuBfloat16(tensor: Tensor): boolean {
  return dtypeOf(tensor) === 'bfloat16' && deviceOf(tensor) === 'cpu';
}

/** `x · Φ(x)`, computed in float32 and rounded once. */
export function bfloat16Gelu(input: Tensor): Tensor {
  return requireOperator('bridge::gelu', '')(input) as Tensor;
}

/** `softmax(scale · x)` over the last dimension, computed in float32 and rounded once. */
export function bfloat16Softmax(input: Tensor, scale: number): Tensor {
  return requireOperator('bridge::scaled_softmax', '')(input, scale) as Tensor;
}

/** `Tensor.to()` for the files that `Tensor` itself is made of. */
import { dispatch } from '../binding/packet.js';
import type { Device } from '../devices.js';
import type { TensorBase } from './base.js';
import { deviceOf, dtypeOf } from './describe.js';
import type { DType } from './dtype.js';

/** The same values with another dtype, on another device: the tensor itself when nothing changes. */
export function converted(
  tensor: TensorBase,
  { dtype = dtypeOf(tensor), device = deviceOf(tensor) }: { dtype?: DType; device?: Device },
): TensorBase {
  if (dtype === dtypeOf(tensor) && device === deviceOf(tensor)) return tensor;
  return dispatch('to', [tensor, device, dtype, false, false, null]) as TensorBase;
}

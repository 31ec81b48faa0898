/** Moving and converting a module's tensors without making new ones. */
import { noGrad } from '../autograd/modes.js';
import type { MemoryFormat } from '../binding/codec.js';
import type { Device } from '../devices.js';
import { ops } from '../ops.js';
import { type DType, isFloatingPoint } from '../tensor/dtype.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

export interface ModuleToOptions {
  /** A floating point dtype; integer buffers keep theirs. */
  dtype?: DType;
  /** Default: where each tensor is. */
  device?: Device;
  /** Memory format of parameters and buffers with four dimensions. */
  memoryFormat?: MemoryFormat;
}

/**
 * Gives a tensor, and its gradient, another device, memory format or (if it is floating point) dtype. It stays
 * the tensor that it was, as with `parameter.data = …` in PyTorch.
 */
export function convertInPlace(tensor: Tensor, { dtype, device, memoryFormat }: ModuleToOptions): void {
  tidy(() =>
    noGrad(() => {
      const converted = (source: Tensor): Tensor =>
        source.to({
          ...(dtype !== undefined && isFloatingPoint(source.dtype) ? { dtype } : {}),
          ...(device !== undefined ? { device } : {}),
          ...(memoryFormat !== undefined && source.ndim === 4 ? { memoryFormat } : {}),
        });
      const source = tensor.detach();
      const target = converted(source);
      if (target === source) return;
      const { grad } = tensor;
      ops.aten.set_data.default(tensor, target);
      if (grad !== null) tensor.grad = converted(grad.detach());
    }),
  );
}

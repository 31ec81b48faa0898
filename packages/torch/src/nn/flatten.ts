/** `Flatten`, PyTorch's `nn.Flatten`. */
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import { pythonFields } from './python-repr.js';

/** Joins dimensions `startDim` (1) to `endDim` (−1): `[B, C, H, W]` → `[B, C · H · W]`. */
export class Flatten extends Module {
  constructor(
    readonly startDim = 1,
    readonly endDim = -1,
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return pythonFields({ start_dim: this.startDim, end_dim: this.endDim });
  }
}

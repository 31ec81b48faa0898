/** `Dropout`, PyTorch's, and `DropPath`, timm's. Both do nothing in evaluation. */
import { checkNames } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { dropout, dropPath } from './functional/dropout.js';
import { requireProbability } from './functional/shared.js';
import { Module } from './module.js';
import { pythonFields } from './python-repr.js';

/** Zeroes elements with probability `p` (0.5) and divides the others by `1 − p`. Throws `TorchError` unless 0 ≤ p ≤ 1. */
export class Dropout extends Module {
  readonly p: number;

  constructor(p = 0.5) {
    super();
    requireProbability(p, 'dropout probability');
    this.p = p;
  }

  forward(input: Tensor): Tensor {
    return dropout(input, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return pythonFields({ p: this.p, inplace: false });
  }
}

export interface DropPathModuleOptions {
  /** Divides the samples that stay by `1 − dropProb`. Default true. */
  scaleByKeep?: boolean;
}

/** Stochastic depth: zeroes whole samples `[B, …]` of a residual branch with probability `dropProb` (0). Throws `TorchError` unless 0 ≤ dropProb ≤ 1. */
export class DropPath extends Module {
  readonly dropProb: number;
  readonly scaleByKeep: boolean;

  constructor(dropProb = 0, options: DropPathModuleOptions = {}) {
    const { scaleByKeep = true } = checkNames('DropPath', options, ['scaleByKeep']);
    super();
    requireProbability(dropProb, 'drop path probability');
    this.dropProb = dropProb;
    this.scaleByKeep = scaleByKeep;
  }

  forward(input: Tensor): Tensor {
    const { dropProb, training, scaleByKeep } = this;
    return dropPath(input, { dropProb, training, scaleByKeep });
  }

  override extraRepr(): string {
    return `drop_prob=${this.dropProb.toFixed(3)}`;
  }
}

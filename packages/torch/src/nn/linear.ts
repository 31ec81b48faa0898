/** `Linear`, PyTorch's `nn.Linear`. */
import { checkCounts, checkNames } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { linear } from './functional/linear.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';
import { emptyParameter, type PlacementOptions, placementNames, resetWeightAndBias } from './placement.js';
import { pythonFields } from './python-repr.js';

export interface LinearOptions extends PlacementOptions {
  /** Default true. */
  bias?: boolean;
}

/** `[…, inFeatures]` → `[…, outFeatures]`: `y = x Wᵀ + b`. Parameters: weight `[outFeatures, inFeatures]`, bias `[outFeatures]`. */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    const { bias = true, ...placement } = checkNames('Linear', options, ['bias', ...placementNames]);
    super();
    checkCounts('Linear', { inFeatures, outFeatures });
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = emptyParameter([outFeatures, inFeatures], placement);
    this.bias = bias ? emptyParameter([outFeatures], placement) : null;
    this.resetParameters();
  }

  /** Initialises weight and bias again, as the constructor does. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return pythonFields({ in_features: this.inFeatures, out_features: this.outFeatures, bias: this.bias !== null });
  }
}

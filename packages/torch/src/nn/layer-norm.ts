/** `LayerNorm`, PyTorch's (Ba et al., 2016). */
import { type Check, checkNames, checkOption, count } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { layerNorm } from './functional/normalization.js';
import { constant_ } from './init.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';
import { filledParameter, type PlacementOptions, placementNames } from './placement.js';
import { pythonFields, pythonRepr } from './python-repr.js';

export interface LayerNormOptions extends PlacementOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Whether there are weight and bias. Default true. */
  elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight. Default true. */
  bias?: boolean;
}

/** One size, or the sizes of the last dimensions. */
const sizes: Check = {
  expected: 'a whole number of at least 0, or an array of them',
  accepts: (value) => (Array.isArray(value) && value.length > 0 ? value.every(count.accepts) : count.accepts(value)),
};
const names = ['eps', 'elementwiseAffine', 'bias', ...placementNames] as const;

/**
 * `[…, ...normalizedShape]` → the same: `(x − mean) / √(var + eps) · weight + bias` over the last dimensions.
 * Parameters: weight and bias `[...normalizedShape]`. Throws `TorchError` for an input that does not end in them.
 */
export class LayerNorm extends Module {
  readonly normalizedShape: readonly number[];
  readonly eps: number;
  readonly elementwiseAffine: boolean;
  readonly weight: Parameter | null;
  readonly bias: Parameter | null;

  constructor(normalizedShape: number | readonly number[], options: LayerNormOptions = {}) {
    const { eps = 1e-5, elementwiseAffine = true, bias = true, ...placement } = checkNames('LayerNorm', options, names);
    super();
    checkOption('LayerNorm', 'normalizedShape', normalizedShape, sizes);
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : normalizedShape;
    this.eps = eps;
    this.elementwiseAffine = elementwiseAffine;
    this.weight = elementwiseAffine ? filledParameter(this.normalizedShape, 1, placement) : null;
    this.bias = elementwiseAffine && bias ? filledParameter(this.normalizedShape, 0, placement) : null;
  }

  /** Puts weight and bias back to 1 and 0. */
  resetParameters(): void {
    if (this.weight !== null) constant_(this.weight, 1);
    if (this.bias !== null) constant_(this.bias, 0);
  }

  forward(input: Tensor): Tensor {
    const { normalizedShape, weight, bias, eps } = this;
    return layerNorm(input, normalizedShape, { weight, bias, eps });
  }

  override extraRepr(): string {
    const { eps, elementwiseAffine, bias } = this;
    const fields = { eps, elementwise_affine: elementwiseAffine, bias: bias !== null };
    return `${pythonRepr(this.normalizedShape)}, ${pythonFields(fields)}`;
  }
}

/** Convolution, and the patches that it works on. */
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Pair } from './shared.js';

const { aten } = ops;

export interface Conv2dFunctionOptions {
  /** Default 1. */
  stride?: Pair;
  /** Zeros around the image, or 'same' (the output has the input's size; stride 1 only), or 'valid' (none). Default 0. */
  padding?: Pair | 'same' | 'valid';
  /** Default 1. */
  dilation?: Pair;
  /** Default 1. */
  groups?: number;
}

/**
 * `[B, cIn, H, W]` → `[B, cOut, H′, W′]` with `H′ = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1`,
 * weight `[cOut, cIn / groups, kH, kW]`. Throws `TorchError` when the sizes do not fit.
 */
export function conv2d(
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  options: Conv2dFunctionOptions = {},
): Tensor {
  const names = ['stride', 'padding', 'dilation', 'groups'] as const;
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = checkNames('conv2d()', options, names);
  if (typeof padding === 'string') return aten.conv2d.padding(input, weight, bias, stride, padding, dilation, groups);
  return aten.conv2d.default(input, weight, bias, stride, padding, dilation, groups);
}

export interface UnfoldOptions {
  /** Default 1. */
  dilation?: Pair;
  /** Default 0. */
  padding?: Pair;
  /** Default 1. */
  stride?: Pair;
}

/** `[B, C, H, W]` → its patches as columns, `[B, C · kH · kW, L]`. */
export function unfold(input: Tensor, kernelSize: Pair, options: UnfoldOptions = {}): Tensor {
  const names = ['dilation', 'padding', 'stride'] as const;
  const { dilation = 1, padding = 0, stride = 1 } = checkNames('unfold()', options, names);
  return aten.im2col.default(input, kernelSize, dilation, padding, stride);
}

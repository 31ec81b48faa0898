/** Zeroing at random: single elements, or whole samples of a residual branch. */
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { dimOf, shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';
import { requireProbability } from './shared.js';

const { aten } = ops;

export interface DropoutOptions {
  /** The part of the elements that become zero. Default 0.5. */
  p?: number;
  /** Default true: unlike the module, the function does not depend on the mode. */
  training?: boolean;
}

/** Zeroes elements with probability `p` and divides the others by `1 − p`. Throws `TorchError` unless 0 ≤ p ≤ 1. */
export function dropout(input: Tensor, options: DropoutOptions = {}): Tensor {
  const { p = 0.5, training = true } = checkNames('dropout()', options, ['p', 'training']);
  requireProbability(p, 'dropout probability');
  return aten.dropout.default(input, p, training);
}

export interface DropPathOptions {
  /** The part of the samples that become zero. Default 0. */
  dropProb?: number;
  /** Default true, as for `dropout`. */
  training?: boolean;
  /** Divides the samples that stay by `1 − dropProb`. Default true. */
  scaleByKeep?: boolean;
}

/**
 * Stochastic depth (Huang et al., 2016) as timm draws it: zeroes whole samples `[B, …]` of a residual branch
 * with probability `dropProb`. Throws `TorchError` unless 0 ≤ dropProb ≤ 1.
 */
export function dropPath(input: Tensor, options: DropPathOptions = {}): Tensor {
  const names = ['dropProb', 'training', 'scaleByKeep'] as const;
  const { dropProb = 0, training = true, scaleByKeep = true } = checkNames('dropPath()', options, names);
  requireProbability(dropProb, 'drop path probability');
  if (dropProb === 0 || !training) return input;
  const keepProb = 1 - dropProb;
  const [batch = 1] = shapeOf(input);
  const shape = [batch, ...new Array<number>(dimOf(input) - 1).fill(1)];
  const mask = aten.bernoulli_.float(aten.new_empty.default(input, shape), keepProb);
  if (keepProb > 0 && scaleByKeep) aten.div_.Tensor(mask, keepProb);
  return aten.mul.Tensor(input, mask);
}

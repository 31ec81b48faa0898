/** Reverse-mode differentiation: `backward` and `grad` of `torch.autograd`. */
import { type Operator, requireOperator } from '../binding/operator.js';
import { checkNames } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { runBackward } from './run-backward.js';

export interface BackwardManyOptions {
  /** A gradient for each tensor; null means 1 for a tensor of one element. Default: all null. */
  gradTensors?: readonly (Tensor | null)[];
  /** Keeps what the graph saved, so that it can be gone through again. Default: `createGraph`. */
  retainGraph?: boolean;
  /** Records the differentiation itself, for second derivatives. Default false. */
  createGraph?: boolean;
  /** Only these leaves get gradients. Default: all. */
  inputs?: readonly Tensor[];
}

export interface GradOptions {
  /** A weight for each output; null means 1 for a tensor of one element. Default: all null. */
  gradOutputs?: readonly (Tensor | null)[];
  /** Keeps what the graph saved, so that it can be gone through again. Default: `createGraph`. */
  retainGraph?: boolean;
  /** Records the differentiation itself, for second derivatives. Default false. */
  createGraph?: boolean;
  /** Gives null for inputs that the outputs do not depend on, instead of throwing. Default false. */
  allowUnused?: boolean;
}

let gradOperator: Operator | undefined;

/**
 * Adds the gradients of `tensors` to the `grad` of the leaves they were computed from. Throws `TorchError` when none
 * needs a gradient.
 */
export function backward(tensors: readonly Tensor[], options: BackwardManyOptions = {}): void {
  runBackward(tensors, options);
}

/**
 * Returns the gradients of `outputs` (summed, weighted by `gradOutputs`) with respect to `inputs`; leaves' `grad` is
 * not changed.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions & { allowUnused: true },
): (Tensor | null)[];
export function grad(outputs: Tensor | readonly Tensor[], inputs: readonly Tensor[], options?: GradOptions): Tensor[];
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): (Tensor | null)[] {
  const list = isList(outputs) ? outputs : [outputs];
  const {
    gradOutputs = list.map(() => null),
    createGraph = false,
    retainGraph = createGraph,
    allowUnused = false,
  } = checkNames('grad()', options, ['gradOutputs', 'createGraph', 'retainGraph', 'allowUnused']);
  gradOperator ??= requireOperator('bridge::grad');
  return gradOperator(list, inputs, gradOutputs, retainGraph, createGraph, allowUnused) as (Tensor | null)[];
}

function isList(value: Tensor | readonly Tensor[]): value is readonly Tensor[] {
  return Array.isArray(value);
}

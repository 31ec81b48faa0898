/** Runs the backward pass of `Tensor.backward()` and `torch.autograd.backward()`. */
import { type Operator, requireOperator } from '../binding/operator.js';
import { TorchError } from '../errors.js';
import { checkNames } from '../options.js';
import type { TensorBase } from '../tensor/base.js';
import { describeTensor, requiresGradOf } from '../tensor/describe.js';
import { runAfterBackward } from './after-backward.js';

let backwardOperator: Operator | undefined;

/** `backward()` of autograd/backward.ts, which has the meaning of the options. */
export function runBackward(
  tensors: readonly TensorBase[],
  options: {
    gradTensors?: readonly (TensorBase | null)[];
    retainGraph?: boolean;
    createGraph?: boolean;
    inputs?: readonly TensorBase[];
  },
): void {
  const {
    gradTensors = tensors.map(() => null),
    createGraph = false,
    retainGraph = createGraph,
    inputs = [],
  } = checkNames('backward()', options, ['gradTensors', 'createGraph', 'retainGraph', 'inputs']);
  for (const tensor of tensors) {
    if (!requiresGradOf(tensor)) {
      throw new TorchError(
        'OPERATOR',
        `backward(): ${describeTensor(tensor)}, made by ${tensor.origin}, does not depend on any tensor that requires a gradient`,
      );
    }
  }
  backwardOperator ??= requireOperator('bridge::backward');
  backwardOperator(tensors, gradTensors, retainGraph, createGraph, inputs);
  runAfterBackward();
}

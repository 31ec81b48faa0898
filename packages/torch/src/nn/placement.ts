/** Functions that layers share to make their parameters. */
import type { Device } from '../devices.js';
import { empty, full } from '../tensor/create.js';
import type { DType } from '../tensor/dtype.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { calculateFanInAndFanOut, kaimingUniform_, uniform_ } from './init.js';
import { Parameter } from './parameter.js';

/** Device and data type of a layer's parameters and buffers. */
export interface PlacementOptions {
  /** Default float32. */
  dtype?: DType;
  /** Default the CPU. */
  device?: Device;
}

/** The names in `PlacementOptions`. */
export const placementNames = ['dtype', 'device'] as const;

/** A parameter of this shape with whatever the memory held. */
export function emptyParameter(shape: readonly number[], { dtype, device }: PlacementOptions): Parameter {
  return tidy(() => new Parameter(empty(shape, { dtype, device })));
}

/** A parameter of this shape, all elements `value`. */
export function filledParameter(
  shape: readonly number[],
  value: number,
  { dtype, device }: PlacementOptions,
): Parameter {
  return tidy(() => new Parameter(full(shape, value, { dtype, device })));
}

/** Initialises weight and bias of linear and convolution layers as PyTorch does: uniform in ±1/√fanIn. */
export function resetWeightAndBias(weight: Tensor, bias: Tensor | null): void {
  kaimingUniform_(weight, { a: Math.sqrt(5) });
  const { fanIn } = calculateFanInAndFanOut(weight);
  if (bias === null || fanIn === 0) return;
  const bound = 1 / Math.sqrt(fanIn);
  uniform_(bias, { a: -bound, b: bound });
}

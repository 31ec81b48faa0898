/** Option types of several functions, and checks that operators do not make. */
import { describeValue, TorchError } from '../../errors.js';
import { describeTensor, dimOf, shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';

/** One number for both axes, or height and width. */
export type Pair = number | readonly [height: number, width: number];

/** Reduction over the losses of the elements. */
export type Reduction = 'none' | 'mean' | 'sum';

const reductions: Readonly<Record<string, number>> = { none: 0, mean: 1, sum: 2 };

/** libtorch's number of a reduction. Throws `TorchError` with the known ones. */
export function reductionNumber(reduction: Reduction): number {
  const number = Object.hasOwn(reductions, reduction) ? reductions[reduction] : undefined;
  if (number === undefined) {
    throw new TorchError(
      'ARGUMENT',
      `${describeValue(reduction)} is not a valid value for reduction; expected one of ${Object.keys(reductions).join(', ')}`,
    );
  }
  return number;
}

/** Throws `TorchError` unless `input` has one of these numbers of dimensions. */
export function requireDims(input: Tensor, ...dims: readonly number[]): void {
  const got = dimOf(input);
  if (dims.includes(got)) return;
  const expected = dims.map((dim) => `${dim}D`).join(' or ');
  throw new TorchError('ARGUMENT', `expected ${expected} input (got ${got}D input) [input: ${describeTensor(input)}]`);
}

/** Throws `TorchError` unless both have the same shape: broadcasting one loss operand is nearly always a mistake. */
export function requireSameShape(input: Tensor, target: Tensor, where: string): void {
  if (shapeOf(input).join() === shapeOf(target).join()) return;
  throw new TorchError(
    'ARGUMENT',
    `${where}: target size (${describeTensor(target)}) must be the same as input size (${describeTensor(input)})`,
  );
}

/** Throws `TorchError` unless `p` is a probability. */
export function requireProbability(p: number, name: string): void {
  if (typeof p === 'number' && p >= 0 && p <= 1) return;
  throw new TorchError('ARGUMENT', `${name} has to be between 0 and 1, but got ${describeValue(p)}`);
}

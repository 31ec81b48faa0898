/**
 * Collectives: every process of the group calls the same ones in the same order, with tensors of the same shapes and dtypes. They
 * block until they are done, as PyTorch's do; with `asyncOp: true` they return a `Work` at once. They record nothing for gradients.
 */
import { requireOperator } from '../binding/operator.js';
import { describeValue, TorchError } from '../errors.js';
import { type Check, checkNames, checkOption } from '../options.js';
import { TensorBase } from '../tensor/base.js';
import { describeTensor } from '../tensor/describe.js';
import type { Tensor } from '../tensor/tensor.js';
import { currentGroup, type Group } from './current-group.js';
import { collectiveFailure } from './failures.js';
import { Work } from './work.js';

/** How the values of the processes become one. */
export type ReduceOp = 'sum' | 'product' | 'min' | 'max';

/** Whether a collective runs in the background. */
export interface CollectiveOptions {
  /** Return a `Work` instead of blocking. Default false. */
  asyncOp?: boolean;
}

/** Options of collectives that reduce. */
export interface ReduceOptions extends CollectiveOptions {
  /** Default `sum`. */
  op?: ReduceOp;
}

/** Options of `broadcast`. */
export interface BroadcastOptions extends CollectiveOptions {
  /** The rank whose values all others get. Default 0. */
  src?: number;
}

/** The result of a collective: a `Work` with `asyncOp: true`, otherwise nothing. */
export type Started<Options extends CollectiveOptions> = Options extends { asyncOp: true } ? Work : undefined;

const reductions: readonly string[] = ['sum', 'product', 'min', 'max'];
const reduction: Check = {
  expected: `one of ${reductions.map((name) => `"${name}"`).join(', ')}`,
  accepts: (value) => reductions.includes(value as string),
};

/**
 * Replaces `tensor` by the reduction over all processes, in place and with the same bits on each of them. Throws `TorchError`
 * (`DISTRIBUTED`) when a process leaves or is late.
 */
export function allReduce<Options extends ReduceOptions>(tensor: Tensor, options?: Options): Started<Options> {
  const where = 'allReduce()';
  const { op = 'sum', asyncOp = false } = checkNames<ReduceOptions>(where, options ?? {}, ['op', 'asyncOp']);
  checkOption(where, 'op', op, reduction);
  checkTensor(where, 'tensor', tensor);
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_all_reduce')(id, tensor, op));
}

/** Replaces `tensor` on all processes by that of the process `src`, in place. Throws `TorchError` (`DISTRIBUTED`). */
export function broadcast<Options extends BroadcastOptions>(tensor: Tensor, options?: Options): Started<Options> {
  const where = 'broadcast()';
  const { src = 0, asyncOp = false } = checkNames<BroadcastOptions>(where, options ?? {}, ['src', 'asyncOp']);
  const { worldSize } = currentGroup(where);
  checkOption(where, 'src', src, {
    expected: `a rank from 0 to ${worldSize - 1}`,
    accepts: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < worldSize,
  });
  checkTensor(where, 'tensor', tensor);
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_broadcast')(id, tensor, src));
}

/**
 * Puts the `tensor` of rank r into `tensorList[r]`, on all processes. The list has one tensor per process, of the shape and dtype of
 * `tensor`. Throws `TorchError` (`DISTRIBUTED`).
 */
export function allGather<Options extends CollectiveOptions>(
  tensorList: readonly Tensor[],
  tensor: Tensor,
  options?: Options,
): Started<Options> {
  const where = 'allGather()';
  const { asyncOp = false } = checkNames<CollectiveOptions>(where, options ?? {}, ['asyncOp']);
  checkTensors(where, 'tensorList', tensorList);
  checkTensor(where, 'tensor', tensor);
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_all_gather')(id, tensorList, tensor));
}

/**
 * Reduces `inputList[r]` over all processes into `output` of rank r. Gloo has it from PyTorch 2 on. Throws `TorchError`
 * (`DISTRIBUTED`), also where the backend does not have it.
 */
export function reduceScatter<Options extends ReduceOptions>(
  output: Tensor,
  inputList: readonly Tensor[],
  options?: Options,
): Started<Options> {
  const where = 'reduceScatter()';
  const { op = 'sum', asyncOp = false } = checkNames<ReduceOptions>(where, options ?? {}, ['op', 'asyncOp']);
  checkOption(where, 'op', op, reduction);
  checkTensor(where, 'output', output);
  checkTensors(where, 'inputList', inputList);
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_reduce_scatter')(id, output, inputList, op));
}

/**
 * Sends the r-th of `worldSize` equal parts of `input` to rank r, and puts what rank r sent into the r-th part of `output`. Both have as
 * many elements, a multiple of the number of processes. Throws `TorchError` (`DISTRIBUTED`).
 */
export function allToAllSingle<Options extends CollectiveOptions>(
  output: Tensor,
  input: Tensor,
  options?: Options,
): Started<Options> {
  const where = 'allToAllSingle()';
  const { asyncOp = false } = checkNames<CollectiveOptions>(where, options ?? {}, ['asyncOp']);
  checkTensor(where, 'output', output);
  checkTensor(where, 'input', input);
  const { worldSize } = currentGroup(where);
  const [rows = 0] = input.shape;
  if (rows % worldSize !== 0 || String(input.shape) !== String(output.shape))
    throw new TorchError(
      'ARGUMENT',
      `${where}: input and output must have one shape whose first dimension is a multiple of ${worldSize}, the number of processes; got ${describeTensor(input)} and ${describeTensor(output)}`,
    );
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_all_to_all')(id, output, input));
}

/**
 * Returns the sum of the `tensor`s of all processes, added in the order of their ranks. Unlike the other collectives it is a step of autograd:
 * the gradient of `tensor` is the sum of those of the results, as in PyTorch's synchronised batch norm. Throws `TorchError` (`DISTRIBUTED`).
 */
export function sumOfRanks(tensor: Tensor): Tensor {
  const where = 'sumOfRanks()';
  if (!(tensor instanceof TensorBase))
    throw new TorchError('ARGUMENT', `${where}: tensor must be a Tensor, got ${describeValue(tensor)}`);
  const group = currentGroup(where);
  return started(where, group, ({ id }) => requireOperator('bridge::c10d_sum_of_ranks')(id, tensor, group.worldSize));
}

/** Waits until all processes have called it. Throws `TorchError` (`DISTRIBUTED`). */
export function barrier<Options extends CollectiveOptions>(options?: Options): Started<Options> {
  const where = 'barrier()';
  const { asyncOp = false } = checkNames<CollectiveOptions>(where, options ?? {}, ['asyncOp']);
  return run(where, asyncOp, ({ id }) => requireOperator('bridge::c10d_barrier')(id));
}

function run<Options extends CollectiveOptions>(
  where: string,
  asyncOp: boolean,
  start: (group: Group) => unknown,
): Started<Options> {
  const group = currentGroup(where);
  const work = new Work(started<number>(where, group, start), where, group);
  if (!asyncOp) work.finish();
  return (asyncOp ? work : undefined) as Started<Options>;
}

function started<T>(where: string, group: Group, start: (group: Group) => unknown): T {
  try {
    return start(group) as T;
  } catch (error) {
    throw collectiveFailure(error, where, group);
  }
}

/** Gloo reads memory from the first element on, whatever the strides are. */
function checkTensor(where: string, name: string, tensor: unknown): void {
  if (!(tensor instanceof TensorBase))
    throw new TorchError('ARGUMENT', `${where}: ${name} must be a Tensor, got ${describeValue(tensor)}`);
  const described = describeTensor(tensor);
  if (!(tensor as Tensor).isContiguous())
    throw new TorchError(
      'ARGUMENT',
      `${where}: ${name} must be contiguous, got a view of other strides (${described}); pass its contiguous()`,
    );
}

function checkTensors(where: string, name: string, tensors: unknown): void {
  const { worldSize } = currentGroup(where);
  if (!Array.isArray(tensors) || tensors.length !== worldSize)
    throw new TorchError(
      'ARGUMENT',
      `${where}: ${name} must be an array of ${worldSize} tensors, one per process, got ${describeValue(tensors)}`,
    );
  tensors.forEach((tensor, i) => {
    checkTensor(where, `${name}[${i}]`, tensor);
  });
}

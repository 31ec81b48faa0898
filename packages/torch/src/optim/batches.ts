/** Groups the parameters that one call can update together. */
import { findOperator, type Operator } from '../binding/operator.js';
import { TorchError } from '../errors.js';
import { full } from '../tensor/create.js';
import { type DType, isFloatingPoint } from '../tensor/dtype.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';

/** Parameters of one device and dtype, with their gradients and states in the same order. */
export interface Batch<S> {
  readonly device: string;
  readonly dtype: DType;
  readonly params: Tensor[];
  readonly grads: Tensor[];
  readonly states: S[];
}

/** A parameter with its gradient and state for a step. */
export interface Entry<S> {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly state: S;
}

/** Entries in batches of one device and dtype, and of one value of `key` where it is given. */
export function batchesOf<S>(entries: Iterable<Entry<S>>, key: (state: S) => unknown = () => ''): Batch<S>[] {
  const batches = new Map<string, Batch<S>>();
  for (const { param, grad, state } of entries) {
    const { device, dtype } = param;
    const name = `${device} ${dtype} ${key(state)}`;
    let batch = batches.get(name);
    if (batch === undefined) {
      batch = { device, dtype, params: [], grads: [], states: [] };
      batches.set(name, batch);
    }
    batch.params.push(param);
    batch.grads.push(grad);
    batch.states.push(state);
  }
  return [...batches.values()];
}

/** The same batch cut into batches of one parameter each. */
export function singles<S>({ device, dtype, params, grads, states }: Batch<S>): Batch<S>[] {
  return params.map((param, i) => ({
    device,
    dtype,
    params: [param],
    grads: [grads[i] as Tensor],
    states: [states[i] as S],
  }));
}

/** The named arguments of a fused operator for a batch, with the options of its group. */
export type FusedArguments<S, G> = (batch: Batch<S>, group: G) => Record<string, unknown>;

/**
 * An update as one operator (`aten::_fused_adamw_`, …). That the dispatcher has it does not mean that it has
 * it for a device (those of libtorch before 2.4 know CUDA only), so it is tried once per device and dtype,
 * on parameters of one element.
 */
export class FusedUpdate<S, G> {
  readonly #name: string;
  readonly #argumentsOf: FusedArguments<S, G>;
  readonly #trialState: (one: () => Tensor) => S;
  readonly #runs = new Map<string, boolean>();

  /** `trialState` makes the state of a parameter of one element with the tensors that `one` makes. */
  constructor(name: string, argumentsOf: FusedArguments<S, G>, trialState: (one: () => Tensor) => S) {
    this.#name = name;
    this.#argumentsOf = argumentsOf;
    this.#trialState = trialState;
  }

  /** Runs the update if this libtorch can, and returns whether it did. */
  run(batch: Batch<S>, group: G): boolean {
    const operator = findOperator(this.#name);
    if (operator === null || !this.#canRun(operator, batch, group)) return false;
    operator(this.#argumentsOf(batch, group));
    return true;
  }

  #canRun(operator: Operator, batch: Batch<S>, group: G): boolean {
    const { device, dtype } = batch;
    if (!isExactFused(device, dtype)) return false;
    if (!batch.params.every((param, i) => sameDenseLayout(param, batch.grads[i] as Tensor))) return false;
    const key = `${device} ${dtype}`;
    let runs = this.#runs.get(key);
    if (runs === undefined) {
      runs = tidy(() => this.#try(operator, device, dtype, group));
      this.#runs.set(key, runs);
    }
    return runs;
  }

  #try(operator: Operator, device: string, dtype: DType, group: G): boolean {
    const one = (): Tensor => full([1], 1, { device, dtype });
    try {
      operator(
        this.#argumentsOf({ device, dtype, params: [one()], grads: [one()], states: [this.#trialState(one)] }, group),
      );
      return true;
    } catch (error) {
      if (error instanceof TorchError && (error.code === 'OPERATOR' || error.code === 'ARGUMENT')) return false;
      throw error;
    }
  }
}

/**
 * Returns whether the fused optimizer is exact: on the CPU not in half precision, because libtorch 2.6's `_fused_sgd_`
 * computes wrong numbers for 16 bfloat16 elements and more.
 */
const isExactFused = (device: string, dtype: DType): boolean =>
  isFloatingPoint(dtype) && (device !== 'cpu' || dtype === 'float32' || dtype === 'float64');

/** The fused operators walk plain memory: all of it must belong to the tensor, in one order for both. */
function sameDenseLayout(param: Tensor, grad: Tensor): boolean {
  const { shape } = param;
  const stride = param.stride();
  const gradStride = grad.stride();
  if (!stride.every((step, dim) => step === gradStride[dim] || shape[dim] === 1)) return false;
  let expected = 1;
  const byStride = shape.map((size, dim) => [stride[dim] as number, size] as const).filter(([, size]) => size !== 1);
  return byStride
    .toSorted(([a], [b]) => a - b)
    .every(([step, size]) => {
      const dense = step === expected;
      expected *= size;
      return dense;
    });
}

/** `torch.nn.parallel`: one module in several processes. */
import { afterBackward } from '../autograd/after-backward.js';
import { isGradEnabled, noGrad } from '../autograd/modes.js';
import { requireOperator } from '../binding/operator.js';
import { allReduce, broadcast } from '../distributed/collectives.js';
import { getWorldSize } from '../distributed/process-group.js';
import { describeValue, TorchError } from '../errors.js';
import { cat } from '../functions.generated.js';
import { checkNames } from '../options.js';
import { tensor, zeros } from '../tensor/create.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';

/** Options of `DistributedDataParallel`. */
export interface DistributedDataParallelOptions {
  /** Process 0 sends its buffers, such as running statistics, to the others before a forward pass. Default true. */
  broadcastBuffers?: boolean;
}

/**
 * `module` in every process of the group, each with a part of the batch: all begin with the weights of process 0, and after a backward
 * pass each has the mean of the gradients of all, as with PyTorch's class. Gradients travel at the end of the backward pass, in one piece for
 * each dtype; a parameter without a gradient in one process counts as zeros there, and keeps none if no process has one. All processes must run the same passes.
 * Save `module`, whose names of parameters have no prefix. Throws `TorchError`: `DISTRIBUTED` without a group and when the processes have other
 * parameters, `ARGUMENT` for a module without parameters that learn.
 */
export class DistributedDataParallel<A extends unknown[] = [input: Tensor], R = Tensor> extends Module<A, R> {
  readonly module: Module<A, R>;
  readonly #broadcastBuffers: boolean;
  readonly #end: () => void;
  #synchronises = true;
  #needsBuffers = true;
  /** The states of the gradients at the last forward pass whose backward pass is to be averaged. */
  #before: readonly number[] | undefined;

  constructor(module: Module<A, R>, options: DistributedDataParallelOptions = {}) {
    const where = 'DistributedDataParallel()';
    const { broadcastBuffers = true } = checkNames(where, options, ['broadcastBuffers']);
    super();
    if (!(module instanceof Module))
      throw new TorchError('ARGUMENT', `${where}: module must be a Module, got ${describeValue(module)}`);
    this.module = module;
    this.#broadcastBuffers = broadcastBuffers;
    if (this.#learning().length === 0)
      throw new TorchError('ARGUMENT', `${where}: the module has no parameter that requires a gradient`);
    requireSameShapes(module.parameters());
    sendFromFirst([...module.parameters(), ...module.buffers()]);
    this.#end = afterBackward(() => this.#average());
  }

  forward(...args: A): R {
    if (this.#needsBuffers && this.#broadcastBuffers) sendFromFirst(this.module.buffers());
    this.#needsBuffers = isGradEnabled() && this.#synchronises;
    if (isGradEnabled()) this.#before = this.#synchronises ? this.#learning().map(gradientState) : undefined;
    return this.module.call(...args);
  }

  /**
   * Runs `body`, and averages no gradients of the forward passes in it: they add up in each process until the backward pass of a later
   * forward pass, as with PyTorch's `no_sync()`. Returns what `body` returns.
   */
  noSync<T>(body: () => T): T {
    const before = this.#synchronises;
    this.#synchronises = false;
    try {
      return body();
    } finally {
      this.#synchronises = before;
    }
  }

  override dispose(): void {
    this.#end();
    super.dispose();
  }

  #learning(): Parameter[] {
    return this.module.parameters().filter(({ requiresGrad }) => requiresGrad);
  }

  /** Averages the gradients if this backward pass has changed one of them: it may be that of another network. */
  #average(): void {
    const before = this.#before;
    if (before === undefined) return;
    const parameters = this.#learning();
    const isReached = parameters.some((parameter, i) => {
      const now = gradientState(parameter);
      return now !== none && now !== before[i];
    });
    if (!isReached) return;
    this.#before = undefined;
    for (const group of byType(parameters)) tidy(() => noGrad(() => averageGradients(group)));
  }
}

/** No gradient. */
const none = -1;

/** A number that changes with the gradient: PyTorch's version of the tensor. */
function gradientState({ grad }: Parameter): number {
  return grad === null ? none : (requireOperator('aten::_version')(grad) as number);
}

/** Parameters of one dtype and device travel together. */
function byType(parameters: readonly Parameter[]): Parameter[][] {
  const groups = new Map<string, Parameter[]>();
  for (const parameter of parameters) {
    const key = `${parameter.dtype} ${parameter.device}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [parameter]);
    else group.push(parameter);
  }
  return [...groups.values()];
}

function averageGradients(parameters: readonly Parameter[]): void {
  const worldSize = getWorldSize();
  const [{ dtype, device }] = parameters as [Parameter];
  const grads = parameters.map(({ grad }) => grad);
  const counts = tensor(
    grads.map((grad) => (grad === null ? 0 : 1)),
    { dtype, device },
  );
  const parts = grads.map((grad, i) => grad?.reshape([-1]) ?? zeros([parameters[i]!.numel()], { dtype, device }));
  const all = cat([...parts, counts]).div(worldSize); // before the sum, as PyTorch's reducer does
  allReduce(all);
  const having = all.narrow(0, all.numel() - parameters.length, parameters.length).toArray() as number[];
  let offset = 0;
  for (const [i, parameter] of parameters.entries()) {
    const mean = all.narrow(0, offset, parameter.numel()).view(parameter.shape);
    offset += parameter.numel();
    if (having[i] === 0) continue;
    const { grad } = parameter;
    if (grad === null) parameter.grad = mean.clone();
    else grad.copy_(mean);
  }
}

/** Gives all processes the values of process 0. */
function sendFromFirst(tensors: readonly Tensor[]): void {
  tidy(() =>
    noGrad(() => {
      for (const own of tensors) {
        const sent = own.detach().contiguous();
        broadcast(sent);
        own.copy_(sent);
      }
    }),
  );
}

/** Other shapes would end a process inside of Gloo without an error. */
function requireSameShapes(parameters: readonly Parameter[]): void {
  const own = parameters.map(({ dtype, shape }) => `${dtype}[${shape}]`).join(' ');
  const facts = [parameters.length, hashOf(own)];
  const { device } = parameters[0]!;
  const [least, most] = (['min', 'max'] as const).map((op) =>
    tidy(() => {
      const values = tensor(facts, { dtype: 'int64', device });
      allReduce(values, { op });
      return values.toArray() as number[];
    }),
  );
  if (String(least) !== String(most))
    throw new TorchError(
      'DISTRIBUTED',
      `DistributedDataParallel(): the processes have modules with other parameters, here ${parameters.length} of ${parameters.reduce((sum, p) => sum + p.numel(), 0)} numbers; each must make the same module`,
    );
}

/** A number below 2³¹ that two texts rarely share. */
function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return hash >>> 1;
}

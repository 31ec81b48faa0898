/**
 * Stochastic gradient descent with momentum, also Nesterov's.
 * I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013;
 * in PyTorch's form, where the learning rate does not enter the momentum buffer.
 */
import { TorchError } from '../errors.js';
import { zerosLike } from '../functions.generated.js';
import { flag } from '../options.js';
import { keep } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Batch, batchesOf, FusedUpdate } from './batches.js';
import type { Kernels } from './kernels.js';
import { Optimizer, type Parameters } from './optimizer.js';
import { type Checks, finite, nonNegative } from './options.js';
import type { ParameterGroup } from './parameter-group.js';
import type { StateNames } from './state-dict.js';

export interface SGDOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Share of the previous update that is kept. Default 0: no state at all. */
  momentum?: number;
  /** Takes `1 − dampening` of the gradient into the momentum, from the second step on. Default 0. */
  dampening?: number;
  /** Adds weightDecay · p to the gradient. Default 0. */
  weightDecay?: number;
  /** Looks ahead along the momentum; needs momentum, and no dampening. Default false. */
  nesterov?: boolean;
  /** Ascends instead of descending. Default false. */
  maximize?: boolean;
}

export type SGDState = { momentum_buffer?: Tensor };

type Group = ParameterGroup<SGDOptions>;

const checks: Checks<SGDOptions> = {
  lr: nonNegative,
  momentum: nonNegative,
  dampening: finite,
  weightDecay: nonNegative,
  nesterov: flag,
  maximize: flag,
};
const defaults: Required<SGDOptions> = {
  lr: 1e-3,
  momentum: 0,
  dampening: 0,
  weightDecay: 0,
  nesterov: false,
  maximize: false,
};

/**
 * `d = g + weightDecay·p`, `b ← momentum·b + (1−dampening)·d` (b = d at first),
 * `p ← p − lr·b`, with Nesterov `p ← p − lr·(d + momentum·b)`. As `torch.optim.SGD`.
 */
export class SGD extends Optimizer<SGDOptions, SGDState> {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(params: Parameters<SGDOptions>, options: SGDOptions = {}) {
    super(params, options, defaults, checks);
  }

  protected override checkTogether({ nesterov, momentum, dampening }: Required<SGDOptions>, where: string): void {
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      throw new TorchError(
        'ARGUMENT',
        `${where}: nesterov needs a momentum above 0 and no dampening, got momentum ${momentum} and dampening ${dampening}`,
      );
    }
  }

  protected override stateNames(): StateNames {
    return { momentum_buffer: 'optional' };
  }

  protected override updateGroup(group: Group, single: Kernels): void {
    const entries = this.entries(group, () => ({}));
    for (const batch of batchesOf(entries, (state) => state.momentum_buffer === undefined)) {
      if (fusedSGD.run(batch, group)) continue;
      this.eachBatch(batch, single, (part, kernels) => compose(part, group, kernels));
    }
  }
}

/** The update as a composition without temporaries: the parts of `d` are added one by one. */
function compose(batch: Batch<SGDState>, group: Group, kernels: Kernels): void {
  const { params, grads, states } = batch;
  const { lr, momentum, weightDecay, nesterov, maximize } = group;
  if (momentum !== 0) moveBuffers(batch, group, kernels);
  if (momentum !== 0 && !nesterov) {
    kernels.add_(params, buffersOf(states), -lr);
    return;
  }
  if (weightDecay !== 0) kernels.scale_(params, 1 - lr * weightDecay);
  kernels.add_(params, grads, maximize ? lr : -lr);
  if (nesterov) kernels.add_(params, buffersOf(states), -lr * momentum);
}

function moveBuffers(
  { params, grads, states }: Batch<SGDState>,
  { momentum, dampening, weightDecay, maximize }: Group,
  kernels: Kernels,
): void {
  const first = isFirst(states);
  if (first) makeBuffers(params, states);
  const buffers = buffersOf(states);
  const share = first ? 1 : 1 - dampening;
  kernels.scale_(buffers, momentum); // zeros at first
  kernels.add_(buffers, grads, maximize ? -share : share);
  if (weightDecay !== 0) kernels.add_(buffers, params, share * weightDecay);
}

const isFirst = (states: readonly SGDState[]): boolean => states[0]?.momentum_buffer === undefined;
const buffersOf = (states: readonly SGDState[]): Tensor[] => states.map((state) => state.momentum_buffer as Tensor);

function makeBuffers(params: readonly Tensor[], states: readonly SGDState[]): void {
  states.forEach((state, i) => {
    state.momentum_buffer = keep(zerosLike(params[i] as Tensor));
  });
}

/** The arguments of `_fused_sgd_` (libtorch 2.4 and later), by their names in the schema. Exercised there by the same tests. */
function fusedArguments(
  { params, grads, states }: Batch<SGDState>,
  { lr, momentum, dampening, weightDecay, nesterov, maximize }: Group,
): Record<string, unknown> {
  const first = momentum !== 0 && isFirst(states);
  if (first) makeBuffers(params, states);
  return {
    self: params,
    grads,
    momentum_buffer_list: momentum === 0 ? [] : buffersOf(states),
    weight_decay: weightDecay,
    momentum,
    lr,
    dampening,
    nesterov,
    maximize,
    is_first_step: first,
  };
}

const fusedSGD = new FusedUpdate<SGDState, Group>('aten::_fused_sgd_', fusedArguments, (one) => ({
  momentum_buffer: one(),
}));

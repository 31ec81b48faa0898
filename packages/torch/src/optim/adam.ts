/**
 * Adam, and the update that it shares with AdamW.
 * D. Kingma and J. Ba, "Adam: A method for stochastic optimization", ICLR 2015, arXiv 1412.6980.
 * AMSGrad: S. Reddi et al., "On the convergence of Adam and beyond", ICLR 2018.
 */

import { zerosLike } from '../functions.generated.js';
import { flag } from '../options.js';
import { full } from '../tensor/create.js';
import { keep } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Batch, batchesOf, FusedUpdate } from './batches.js';
import type { Kernels } from './kernels.js';
import { Optimizer, type Parameters } from './optimizer.js';
import { betaPair, type Checks, nonNegative } from './options.js';
import type { ParameterGroup } from './parameter-group.js';
import type { StateNames } from './state-dict.js';

export interface AdamOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the root of the squared average, so that no step divides by zero. Default 1e-8. */
  eps?: number;
  /** Adam: adds weightDecay · p to the gradient, default 0. AdamW: shrinks p by lr · weightDecay, default 0.01. */
  weightDecay?: number;
  /** Divides by the largest squared average so far. Default false. */
  amsgrad?: boolean;
  /** Ascends instead of descending. Default false. */
  maximize?: boolean;
}

export type AdamState = {
  step: number;
  exp_avg: Tensor;
  exp_avg_sq: Tensor;
  max_exp_avg_sq?: Tensor;
};

type Group = ParameterGroup<AdamOptions>;

const checks: Checks<AdamOptions> = {
  lr: nonNegative,
  betas: betaPair,
  eps: nonNegative,
  weightDecay: nonNegative,
  amsgrad: flag,
  maximize: flag,
};
export const adamDefaults: Required<AdamOptions> = {
  lr: 1e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  amsgrad: false,
  maximize: false,
};

/**
 * Adam with weight decay, if any, added to the gradient: `g ← g + weightDecay · p`, `m ← β₁m + (1−β₁)g`, `v ← β₂v + (1−β₂)g²`,
 * `p ← p − lr · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + eps)`. As `torch.optim.Adam`.
 */
export class Adam extends Optimizer<AdamOptions, AdamState> {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(
    params: Parameters<AdamOptions>,
    options: AdamOptions = {},
    defaults: Required<AdamOptions> = adamDefaults,
  ) {
    super(params, options, defaults, checks);
  }

  /** Weight decay apart from the gradient (AdamW). */
  protected get decoupled(): boolean {
    return false;
  }

  protected override stateNames({ amsgrad }: Required<AdamOptions>): StateNames {
    return {
      step: 'required',
      exp_avg: 'required',
      exp_avg_sq: 'required',
      ...(amsgrad ? { max_exp_avg_sq: 'required' } : {}),
    };
  }

  protected override updateGroup(group: Group, single: Kernels): void {
    const entries = this.entries(group, newState);
    for (const { state } of entries) state.step += 1;
    const fused = this.decoupled ? fusedAdamW : fusedAdam;
    for (const batch of batchesOf(entries, ({ step }) => step)) {
      if (fused.run(batch, group)) continue;
      this.eachBatch(batch, single, (part, kernels) => this.#compose(part, group, kernels));
    }
  }

  /** The update as a composition, with both bias corrections in the scalars so that they cost no pass over memory. */
  #compose(
    { params, grads: given, states }: Batch<AdamState>,
    { lr, betas, eps, weightDecay, amsgrad, maximize }: Group,
    kernels: Kernels,
  ): void {
    const [beta1, beta2] = betas;
    const step = (states[0] as AdamState).step;
    const correction1 = 1 - beta1 ** step;
    const correction2Root = Math.sqrt(1 - beta2 ** step);
    const averages = states.map((state) => state.exp_avg);
    const squares = states.map((state) => state.exp_avg_sq);

    let grads = maximize ? kernels.neg(given) : given;
    if (weightDecay !== 0) {
      if (this.decoupled) kernels.scale_(params, 1 - lr * weightDecay);
      else grads = kernels.add(grads, params, weightDecay);
    }
    kernels.lerp_(averages, grads, 1 - beta1);
    kernels.scale_(squares, beta2);
    kernels.addcmul_(squares, grads, grads, 1 - beta2);
    const roots = kernels.sqrt(amsgrad ? raised(maximaOf(states), squares, kernels) : squares);
    // m/c₁ / (√v/√c₂ + eps) = √c₂/c₁ · m / (√v + eps·√c₂)
    kernels.shift_(roots, eps * correction2Root);
    kernels.addcdiv_(params, averages, roots, (-lr * correction2Root) / correction1);
  }
}

const newState = (param: Tensor): AdamState => ({ step: 0, exp_avg: zerosLike(param), exp_avg_sq: zerosLike(param) });

/** Returns the largest squared averages so far, which are created at the first call. */
function maximaOf(states: readonly AdamState[]): Tensor[] {
  return states.map((state) => {
    state.max_exp_avg_sq ??= keep(zerosLike(state.exp_avg_sq));
    return state.max_exp_avg_sq;
  });
}

function raised(maxima: Tensor[], squares: readonly Tensor[], kernels: Kernels): Tensor[] {
  kernels.maximum_(maxima, squares);
  return maxima;
}

/**
 * The arguments of `_fused_adam_` and `_fused_adamw_`, by their names in the schema. Not run by the tests on
 * libtorch 1.13 (which has `_fused_adam_` for CUDA only, and whose schema they are checked against); where
 * a libtorch has the operators for its device, the same tests that compare with PyTorch go through them.
 */
export function fusedAdamArguments(
  { params, grads, states, device }: Batch<AdamState>,
  { lr, betas, eps, weightDecay, amsgrad, maximize }: Group,
): Record<string, unknown> {
  const step = full([], (states[0] as AdamState).step, { device }); // one for all: a batch has one step
  return {
    self: params,
    grads,
    exp_avgs: states.map((state) => state.exp_avg),
    exp_avg_sqs: states.map((state) => state.exp_avg_sq),
    max_exp_avg_sqs: amsgrad ? maximaOf(states) : [],
    state_steps: params.map(() => step),
    lr,
    beta1: betas[0],
    beta2: betas[1],
    weight_decay: weightDecay,
    eps,
    amsgrad,
    maximize,
  };
}

const trialState = (one: () => Tensor): AdamState => ({
  step: 1,
  exp_avg: one(),
  exp_avg_sq: one(),
  max_exp_avg_sq: one(),
});
const fusedAdam = new FusedUpdate('aten::_fused_adam_', fusedAdamArguments, trialState);
const fusedAdamW = new FusedUpdate('aten::_fused_adamw_', fusedAdamArguments, trialState);

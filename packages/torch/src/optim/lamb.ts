/**
 * LAMB: Adam's direction, with a step for each parameter that is in proportion to the parameter's own norm.
 * Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020, arXiv 1904.00962.
 * In the form of NVIDIA's FusedLAMB and of timm 0.8 (`timm.optim.Lamb`), which clips the gradients by their norm first.
 */
import { where as choose, logicalAnd, onesLike, stack, zerosLike } from '../functions.generated.js';
import { count, flag } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Batch, batchesOf } from './batches.js';
import { limitNorm_, totalNorm } from './clip.js';
import type { Kernels } from './kernels.js';
import { Optimizer, type Parameters } from './optimizer.js';
import { betaPair, type Checks, nonNegative, positiveOrNull } from './options.js';
import type { ParameterGroup } from './parameter-group.js';
import type { StateNames } from './state-dict.js';

export interface LambOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Divides the averages by `1 − βᵗ`, as Adam does. Default true. */
  biasCorrection?: boolean;
  /** Decay rates of the averages of the gradient and of its square. Default [0.9, 0.999]. */
  betas?: readonly [number, number];
  /** Added to the root of the squared average. Default 1e-6. */
  eps?: number;
  /** Adds weightDecay · p to the direction, before its norm is taken. Default 0.01. */
  weightDecay?: number;
  /** Takes `1 − β₁` of the gradient into its average; otherwise all of it. Default true. */
  gradAveraging?: boolean;
  /** Largest norm of all gradients together; null for no limit. One for all groups: the optimizer's counts. Default 1. */
  maxGradNorm?: number | null;
  /** Limits the trust ratio to 1 (LAMBC). Default false. */
  trustClip?: boolean;
  /** Uses the trust ratio also in groups without weight decay. Default false. */
  alwaysAdapt?: boolean;
}

/** A group's options, and how many steps it took: LAMB counts by group. */
export interface LambGroup extends LambOptions {
  step?: number;
}

export type LambState = { exp_avg: Tensor; exp_avg_sq: Tensor };

type Group = ParameterGroup<LambGroup>;

const checks: Checks<LambGroup> = {
  lr: nonNegative,
  biasCorrection: flag,
  betas: betaPair,
  eps: nonNegative,
  weightDecay: nonNegative,
  gradAveraging: flag,
  maxGradNorm: positiveOrNull,
  trustClip: flag,
  alwaysAdapt: flag,
  step: count,
};

/** timm's. */
const defaults: Required<LambGroup> = {
  lr: 1e-3,
  biasCorrection: true,
  betas: [0.9, 0.999],
  eps: 1e-6,
  weightDecay: 0.01,
  gradAveraging: true,
  maxGradNorm: 1,
  trustClip: false,
  alwaysAdapt: false,
  step: 0,
};

/**
 * `u = m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + eps) + weightDecay·p`, `p ← p − lr · ‖p‖/‖u‖ · u`, with m and v as in Adam; the trust
 * ratio `‖p‖/‖u‖` is 1 where a norm is 0, and in groups without weight decay unless `alwaysAdapt`.
 * As timm's, a step clips the gradients themselves, in place.
 */
export class Lamb extends Optimizer<LambGroup, LambState> {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(params: Parameters<LambOptions>, options: LambOptions = {}) {
    super(params as Parameters<LambGroup>, options, defaults, checks);
  }

  protected override stateNames(): StateNames {
    return { exp_avg: 'required', exp_avg_sq: 'required' };
  }

  protected override update(single: Kernels): void {
    const { maxGradNorm } = this.defaults;
    if (maxGradNorm !== null) {
      const grads = this.paramGroups.flatMap(({ params }) =>
        params.flatMap(({ grad }) => (grad === null ? [] : [grad])),
      );
      limitNorm_(grads, totalNorm(grads, 2), maxGradNorm, 0);
    }
    super.update(single);
  }

  protected override updateGroup(group: Group, single: Kernels): void {
    group.step += 1;
    const entries = this.entries(group, (param) => ({ exp_avg: zerosLike(param), exp_avg_sq: zerosLike(param) }));
    for (const batch of batchesOf(entries))
      this.eachBatch(batch, single, (part, kernels) => compose(part, group, kernels));
  }
}

function compose({ params, grads, states }: Batch<LambState>, group: Group, kernels: Kernels): void {
  const { lr, betas, eps, weightDecay, biasCorrection, gradAveraging, alwaysAdapt, trustClip, step } = group;
  const [beta1, beta2] = betas;
  const correction1 = biasCorrection ? 1 - beta1 ** step : 1;
  const correction2Root = biasCorrection ? Math.sqrt(1 - beta2 ** step) : 1;
  const averages = states.map((state) => state.exp_avg);
  const squares = states.map((state) => state.exp_avg_sq);

  kernels.scale_(averages, beta1);
  kernels.add_(averages, grads, gradAveraging ? 1 - beta1 : 1);
  kernels.scale_(squares, beta2);
  kernels.addcmul_(squares, grads, grads, 1 - beta2);
  const roots = kernels.sqrt(squares);
  kernels.shift_(roots, eps * correction2Root);
  const updates = kernels.intoQuotient(averages, roots);
  kernels.scale_(updates, correction2Root / correction1);
  if (weightDecay !== 0) kernels.add_(updates, params, weightDecay);
  if (weightDecay !== 0 || alwaysAdapt) kernels.scaleEach_(updates, trustRatios(params, updates, kernels, trustClip));
  kernels.add_(params, updates, -lr);
}

/** `‖p‖/‖u‖` for each, 1 where either norm is 0, on the device throughout. */
function trustRatios(
  params: readonly Tensor[],
  updates: readonly Tensor[],
  kernels: Kernels,
  trustClip: boolean,
): Tensor[] {
  const weights = stack(kernels.norms(params, 2));
  const steps = stack(kernels.norms(updates, 2));
  const ratios = choose(logicalAnd(weights.gt(0), steps.gt(0)), weights.div(steps), onesLike(weights));
  return (trustClip ? ratios.clamp({ max: 1 }) : ratios).unbind();
}

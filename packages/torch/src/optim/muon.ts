/**
 * Muon: momentum whose update of a matrix is made orthogonal, so that all directions move equally far.
 * K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, https://kellerjordan.github.io/posts/muon/;
 * in the form of `torch.optim.Muon` (PyTorch 2.9 and later), which takes matrices only. Groups of other parameters are trained by SGD or
 * AdamW in the same optimizer, as in the author's `MuonWithAuxAdam`.
 */
import { addmm, zerosLike } from '../functions.generated.js';
import { flag } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Batch, batchesOf } from './batches.js';
import type { Kernels } from './kernels.js';
import { Optimizer, type Parameters } from './optimizer.js';
import { betaPair, type Checks, nonNegative, oneOf, share, steps } from './options.js';
import type { ParameterGroup } from './parameter-group.js';
import type { StateNames } from './state-dict.js';

export interface MuonOptions {
  /** Learning rate. Default 1e-3. */
  lr?: number;
  /** Multiplies p by 1 − lr · weightDecay before the update. Default 0.1. */
  weightDecay?: number;
  /** Share of the average of gradients that is kept. Default 0.95. */
  momentum?: number;
  /** Looks ahead along the average. Default true. */
  nesterov?: boolean;
  /** Iterations of Newton and Schulz. Default 5. */
  nsSteps?: number;
  /** Smallest norm that the update is divided by; of the rule `adamw` added to the root of the second moment. Default 1e-7. */
  eps?: number;
  /** Factor of `lr` in this group, for groups of different rates under one schedule. Default 1. */
  lrRatio?: number;
  /**
   * How the group is updated. Default `muon`, which makes the update orthogonal. `sgd`: the averaged gradient, with `momentum` and
   * `nesterov`. `adamw`: AdamW with `betas`.
   */
  rule?: MuonRule;
  /** Groups of the rule `adamw`: decay rates of its averages. Default [0.9, 0.95], the author's. */
  betas?: readonly [number, number];
  /**
   * Scales each parameter to the norm `√p.size(0)` before the update, as the author does for convolutions before a batch norm, which
   * ignores their scale. Default false.
   */
  unitRows?: boolean;
}

export type MuonRule = 'muon' | 'sgd' | 'adamw';

/** The second moment and the number of updates are of the rule `adamw`. */
export type MuonState = { momentum_buffer: Tensor; exp_avg_sq?: Tensor; step?: number };

type Group = ParameterGroup<MuonOptions>;

const checks: Checks<MuonOptions> = {
  lr: nonNegative,
  weightDecay: nonNegative,
  momentum: share,
  nesterov: flag,
  nsSteps: steps,
  eps: nonNegative,
  lrRatio: nonNegative,
  rule: oneOf('muon', 'sgd', 'adamw'),
  betas: betaPair,
  unitRows: flag,
};

/** PyTorch's, where it has the option. */
const defaults: Required<MuonOptions> = {
  lr: 1e-3,
  weightDecay: 0.1,
  momentum: 0.95,
  nesterov: true,
  nsSteps: 5,
  eps: 1e-7,
  lrRatio: 1,
  rule: 'muon',
  betas: [0.9, 0.95],
  unitRows: false,
};

/**
 * `m ← momentum·m + (1−momentum)·g`, `u = momentum·m + (1−momentum)·g` (without Nesterov m), `p ← (1 − lr·weightDecay)·p`,
 * `p ← p − lr · √max(1, rows/columns) · orthogonal(u)`. A parameter of more than two dimensions is a matrix of `p.size(0)` rows;
 * those of fewer, and groups of the rule `sgd`, are updated by `p ← p − lr·u`. As `torch.optim.Muon` for matrices, with its defaults.
 */
export class Muon extends Optimizer<MuonOptions, MuonState> {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(params: Parameters<MuonOptions>, options: MuonOptions = {}) {
    super(params, options, defaults, checks);
  }

  protected override stateNames({ rule }: Required<MuonOptions>): StateNames {
    if (rule !== 'adamw') return { momentum_buffer: 'required' };
    return { momentum_buffer: 'required', exp_avg_sq: 'required', step: 'required' };
  }

  protected override updateGroup(group: Group, single: Kernels): void {
    const isAdam = group.rule === 'adamw';
    const entries = this.entries(group, (param) => ({
      momentum_buffer: zerosLike(param),
      ...(isAdam && { exp_avg_sq: zerosLike(param), step: 0 }),
    }));
    const update = isAdam ? adamw : muon;
    for (const batch of batchesOf(entries, ({ step }) => step))
      this.eachBatch(batch, single, (part, kernels) => update(part, group, kernels));
  }
}

/** The rules `muon` and `sgd`. */
function muon({ params, grads, states }: Batch<MuonState>, group: Group, kernels: Kernels): void {
  const buffers = states.map((state) => state.momentum_buffer);
  kernels.lerp_(buffers, grads, 1 - group.momentum);
  for (const [i, param] of params.entries()) {
    const buffer = buffers[i] as Tensor;
    move(param, group.nesterov ? (grads[i] as Tensor).lerp(buffer, group.momentum) : buffer, group);
  }
}

function move(param: Tensor, direction: Tensor, group: Group): void {
  const { weightDecay, nsSteps, eps, rule, unitRows } = group;
  const lr = group.lr * group.lrRatio;
  if (unitRows) param.div_(param.norm().clamp(eps)).mul_(Math.sqrt(param.size(0)));
  if (weightDecay !== 0) param.mul_(1 - lr * weightDecay);
  if (rule === 'sgd' || param.ndim < 2) {
    param.add_(direction, { alpha: -lr });
    return;
  }
  const matrix = direction.flatten(1);
  const [rows, columns] = matrix.shape as [number, number];
  const step = orthogonalized(matrix, nsSteps, eps).reshape(param.shape).to(param.dtype);
  param.add_(step, { alpha: -lr * Math.sqrt(Math.max(1, rows / columns)) });
}

/** As `torch.optim.AdamW`. */
function adamw({ params, grads, states }: Batch<MuonState>, group: Group, kernels: Kernels): void {
  const { weightDecay, eps, betas } = group;
  const [beta1, beta2] = betas;
  const lr = group.lr * group.lrRatio;
  for (const state of states) state.step = (state.step ?? 0) + 1;
  const { step = 1 } = states[0] as MuonState; // batches are of parameters with as many updates
  const averages = states.map((state) => state.momentum_buffer);
  const squares = states.map((state) => state.exp_avg_sq as Tensor);
  kernels.lerp_(averages, grads, 1 - beta1);
  kernels.scale_(squares, beta2);
  kernels.addcmul_(squares, grads, grads, 1 - beta2);
  const correction = Math.sqrt(1 - beta2 ** step);
  const roots = kernels.sqrt(squares);
  kernels.shift_(roots, eps * correction);
  if (weightDecay !== 0) kernels.scale_(params, 1 - lr * weightDecay);
  kernels.addcdiv_(params, averages, roots, (-lr * correction) / (1 - beta1 ** step));
}

/** Coefficients of `a·x + b·x³ + c·x⁵`, which lifts small singular values fast and keeps large ones between about 0.7 and 1.2. */
const [a, b, c] = [3.4445, -4.775, 2.0315];

/**
 * Returns nearly the orthogonal matrix that is closest to `matrix`, `U·Vᵀ` of its singular value decomposition `U·S·Vᵀ`, in bfloat16: its
 * singular values are roughly 1, by `nsSteps` iterations of Newton and Schulz. `[rows, columns]` → the same.
 */
function orthogonalized(matrix: Tensor, nsSteps: number, eps: number): Tensor {
  const isTall = matrix.size(0) > matrix.size(1);
  const half = matrix.to('bfloat16');
  let xs = isTall ? half.t() : half;
  xs = xs.div(xs.norm().clamp(eps));
  for (let i = 0; i < nsSteps; i++) {
    const gram = xs.matmul(xs.t());
    const polynomial = addmm(gram, gram, gram, { beta: b, alpha: c });
    xs = addmm(xs, polynomial, xs, { beta: a });
  }
  return isTall ? xs.t() : xs;
}

/**
 * Muon: momentum whose update of a matrix is made orthogonal, so that all directions move equally far.
 * K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024, https://kellerjordan.github.io/posts/muon/;
 * in the form of `torch.optim.Muon` (PyTorch 2.9 and later), which takes matrices only.
 */
import { addmm, zerosLike } from '../functions.generated.js';
import { flag } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { batchesOf } from './batches.js';
import type { Kernels } from './kernels.js';
import { Optimizer, type Parameters } from './optimizer.js';
import { type Checks, nonNegative, share, steps } from './options.js';
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
  /** Smallest norm that the update is divided by. Default 1e-7. */
  eps?: number;
  /** Factor of `lr` in this group, for groups of different rates under one schedule. Default 1. */
  lrRatio?: number;
  /** Makes the update orthogonal; otherwise the group is trained by the averaged gradient, as biases need. Default true. */
  orthogonal?: boolean;
  /**
   * Scales each parameter to the norm `√p.size(0)` before the update, as the author does for convolutions before a batch norm, which
   * ignores their scale. Default false.
   */
  unitRows?: boolean;
}

export type MuonState = { momentum_buffer: Tensor };

type Group = ParameterGroup<MuonOptions>;

const checks: Checks<MuonOptions> = {
  lr: nonNegative,
  weightDecay: nonNegative,
  momentum: share,
  nesterov: flag,
  nsSteps: steps,
  eps: nonNegative,
  lrRatio: nonNegative,
  orthogonal: flag,
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
  orthogonal: true,
  unitRows: false,
};

/**
 * `m ← momentum·m + (1−momentum)·g`, `u = momentum·m + (1−momentum)·g` (without Nesterov m), `p ← (1 − lr·weightDecay)·p`,
 * `p ← p − lr · √max(1, rows/columns) · orthogonal(u)`. A parameter of more than two dimensions is a matrix of `p.size(0)` rows;
 * those of fewer, and groups with `orthogonal: false`, are updated by `p ← p − lr·u`. As `torch.optim.Muon` for matrices, with its defaults.
 */
export class Muon extends Optimizer<MuonOptions, MuonState> {
  /** Throws `TorchError` (`ARGUMENT`) for options and parameters that are not fit. */
  constructor(params: Parameters<MuonOptions>, options: MuonOptions = {}) {
    super(params, options, defaults, checks);
  }

  protected override stateNames(): StateNames {
    return { momentum_buffer: 'required' };
  }

  protected override updateGroup(group: Group, single: Kernels): void {
    const entries = this.entries(group, (param) => ({ momentum_buffer: zerosLike(param) }));
    for (const batch of batchesOf(entries))
      this.eachBatch(batch, single, ({ params, grads, states }, kernels) => {
        const buffers = states.map((state) => state.momentum_buffer);
        kernels.lerp_(buffers, grads, 1 - group.momentum);
        for (const [i, param] of params.entries()) {
          const buffer = buffers[i] as Tensor;
          update(param, group.nesterov ? (grads[i] as Tensor).lerp(buffer, group.momentum) : buffer, group);
        }
      });
  }
}

function update(param: Tensor, direction: Tensor, group: Group): void {
  const { weightDecay, nsSteps, eps, orthogonal, unitRows } = group;
  const lr = group.lr * group.lrRatio;
  if (unitRows) param.div_(param.norm().clamp(eps)).mul_(Math.sqrt(param.size(0)));
  if (weightDecay !== 0) param.mul_(1 - lr * weightDecay);
  if (!orthogonal || param.ndim < 2) {
    param.add_(direction, { alpha: -lr });
    return;
  }
  const matrix = direction.flatten(1);
  const [rows, columns] = matrix.shape as [number, number];
  const step = orthogonalized(matrix, nsSteps, eps).reshape(param.shape).to(param.dtype);
  param.add_(step, { alpha: -lr * Math.sqrt(Math.max(1, rows / columns)) });
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

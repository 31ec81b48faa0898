/** One update of the weights: backward passes, SAM, clipping, the optimizer. */
import * as torch from '@deit-lt/torch';
import { withFrozenBatchNormStatistics } from '../optim/batch-norm-statistics.js';
import type { SAM, SteppingOptimizer } from '../optim/sam.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { type LossParts, learningModules, learningParameters, type Pass, type Task } from '../tasks/task.js';

/**
 * Sharpness-aware minimisation around the optimizer, its radius by epoch (from 0), and the treatment of batch norm in
 * the first pass.
 */
export interface SamPlan {
  readonly sam: SAM;
  readonly rhoAt: (epoch: number) => number;
  readonly freezeStatistics: boolean;
}

export interface UpdateOptions {
  readonly task: Pick<Task, 'model' | 'companion'>;
  readonly recipe: {
    readonly optimizer: Pick<TrainingRecipe['optimizer'], 'clipGradNorm'>;
    readonly logGradNorm?: boolean;
  };
  readonly optimizer: SteppingOptimizer;
  readonly sam?: SamPlan;
  /** The scale of losses in float16. */
  readonly scaler?: torch.amp.GradScaler | undefined;
}

/**
 * One backward pass; the loss counts for its share of the accumulated batches, also in a short last window. The scale of
 * float16 multiplies gradients, not the losses that are returned.
 */
export function backward(
  forward: () => LossParts,
  accumulation: number,
  scaler?: torch.amp.GradScaler | undefined,
): LossParts {
  const parts = forward();
  const share = accumulation === 1 ? parts.loss : parts.loss.div(accumulation);
  (scaler?.scale(share) ?? share).backward();
  return parts;
}

/** Returns the purpose of the first pass of a batch. */
export function firstPass(sam: SamPlan | undefined, epoch: number): Pass {
  return (sam?.rhoAt(epoch) ?? 0) > 0 ? 'climb' : 'step';
}

/**
 * Clips and steps with the current gradients; with SAM, those of the worst weights nearby (`again`) replace them.
 * Returns their norm before clipping, `[]`, when the recipe logs or clips it, else undefined. In float16 an update whose gradients are
 * not finite is left out, as PyTorch does it, and has no norm.
 */
export function update(options: UpdateOptions, again: () => unknown, epoch: number): torch.Tensor | undefined {
  const { optimizer, task, sam, scaler } = options;
  const rho = sam?.rhoAt(epoch) ?? 0;
  let norm: torch.Tensor | undefined;
  if (sam !== undefined && rho > 0) {
    const usable = scaler?.unscale_(optimizer) ?? true;
    scaler?.update(); // each pass has its own scale
    if (usable) {
      sam.sam.rho = rho;
      sam.sam.firstStep();
      if (sam.freezeStatistics) withFrozenBatchNormStatistics(learningModules(task), again);
      else again();
      sam.sam.restore();
      norm = step(options);
    }
  } else {
    norm = step(options);
  }
  optimizer.zeroGrad();
  return norm;
}

function step({ recipe, optimizer, task, scaler }: UpdateOptions): torch.Tensor | undefined {
  if (scaler === undefined) {
    const norm = clip(recipe, task);
    optimizer.step();
    return norm;
  }
  const norm = scaler.unscale_(optimizer) ? clip(recipe, task) : undefined;
  scaler.step(optimizer);
  scaler.update();
  return norm;
}

function clip(
  { optimizer: { clipGradNorm }, logGradNorm = false }: UpdateOptions['recipe'],
  task: UpdateOptions['task'],
) {
  const { clipGradNorm_, totalGradNorm } = torch.optim;
  if (clipGradNorm === null && !logGradNorm) return undefined;
  const parameters = learningParameters(task).map(([, parameter]) => parameter);
  return clipGradNorm === null ? totalGradNorm(parameters) : clipGradNorm_(parameters, clipGradNorm);
}

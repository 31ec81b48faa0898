/** One update of the weights: backward passes, SAM, clipping, the optimizer. */
import * as torch from '@deit-lt/torch';
import { withFrozenBatchNormStatistics } from '../optim/batch-norm-statistics.js';
import type { SAM } from '../optim/sam.js';
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
  readonly optimizer: { step(): void; zeroGrad(): void };
  readonly sam?: SamPlan;
}

/** One backward pass; the loss counts for its share of the accumulated batches, also in a short last window. */
export function backward(forward: () => LossParts, accumulation: number): LossParts {
  const parts = forward();
  (accumulation === 1 ? parts.loss : parts.loss.div(accumulation)).backward();
  return parts;
}

/** Returns the purpose of the first pass of a batch. */
export function firstPass(sam: SamPlan | undefined, epoch: number): Pass {
  return (sam?.rhoAt(epoch) ?? 0) > 0 ? 'climb' : 'step';
}

/**
 * Clips and steps with the current gradients; with SAM, those of the worst weights nearby (`again`) replace them.
 * Returns their norm before clipping, `[]`, when the recipe logs or clips it, else undefined.
 */
export function update(
  { recipe, optimizer, task, sam }: UpdateOptions,
  again: () => unknown,
  epoch: number,
): torch.Tensor | undefined {
  const rho = sam?.rhoAt(epoch) ?? 0;
  let norm: torch.Tensor | undefined;
  if (sam !== undefined && rho > 0) {
    sam.sam.rho = rho;
    sam.sam.firstStep();
    if (sam.freezeStatistics) withFrozenBatchNormStatistics(learningModules(task), again);
    else again();
    norm = clip(recipe, task);
    sam.sam.secondStep();
  } else {
    norm = clip(recipe, task);
    optimizer.step();
  }
  optimizer.zeroGrad();
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

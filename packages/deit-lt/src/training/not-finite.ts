/** Ends a training whose numbers are no longer finite, with what the user can change. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { optimizerRegistry } from '../optim/registry.js';
import { normOfAll } from '../optim/tensor-lists.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { partName } from '../recipe/training-kind.js';
import { learningParameters } from '../tasks/task.js';
import type { LoopOptions } from './loop-options.js';

/**
 * Throws UserError NOT_FINITE when weights are not finite: the last update of an epoch can spoil them after its last
 * loss, and they must not be saved then.
 */
export function checkWeights(options: LoopOptions, epoch: number): void {
  const parameters = learningParameters(options.task).map(([, parameter]) => parameter);
  const norm = torch.tidy(() => torch.noGrad(() => normOfAll(parameters).toNumber()));
  if (Number.isFinite(norm)) return;
  throw notFinite(
    options,
    `the weights of the ${options.task.kind} became infinite or not a number in epoch ${epoch + 1}`,
  );
}

/** Throws when processes have different weights: they did not compute the same updates. All processes call it. */
export function checkSameWeights({ task, processes }: LoopOptions): void {
  if (processes.count === 1) return;
  const parameters = learningParameters(task).map(([, parameter]) => parameter);
  const norms = torch.tidy(() =>
    torch.noGrad(() => processes.gather(normOfAll(parameters)).map((norm) => norm.toNumber())),
  );
  if (norms.every((norm) => norm === norms[0])) return;
  throw new Error(
    `the weights of the processes differ (their norms are ${norms.join(', ')}): all processes must have the same version of deit-lt and PyTorch, the same number of threads and the same kind of processor`,
  );
}

/** Returns the error that says `what` is not finite, which checkpoint is whole, and what to try. */
export function notFinite(
  {
    run,
    recipe,
    task,
    baseRate,
    config,
  }: Pick<LoopOptions, 'run' | 'recipe' | 'task' | 'baseRate'> & Partial<Pick<LoopOptions, 'config'>>,
  what: string,
): UserError {
  const hasSaved = run.hasCheckpoint('last');
  const saved = hasSaved ? ` The last good checkpoint is ${run.checkpoint('last')}.` : '';
  const from = config?.from?.path;
  const weights =
    from === undefined || hasSaved
      ? ''
      : ` The initial weights may be the cause: check ${from}, its normalisation (${partName(task.kind)}.mean, .std) and that the network is that of the weights.`;
  const section = partName(task.kind);
  return new UserError(
    'NOT_FINITE',
    `${what}.${saved}${weights} ${weights === '' ? 'Try' : 'Else try'} a smaller learning rate (--set ${section}.optimizer.lr=${smallerRate(recipe.optimizer, baseRate)}), a limit on gradients (--set ${section}.optimizer.clipGradNorm=1), or --set precision=float32.`,
  );
}

/** The rate of the recipe, where it was raised above that; else a quarter, and never more than the optimizer usually takes. */
function smallerRate({ name, lr, lrPer }: TrainingRecipe['optimizer'], baseRate: number | undefined): number {
  if (baseRate !== undefined && lr > baseRate) return baseRate;
  const usual = lrPer === null ? optimizerRegistry.get(name)?.unusualRate : undefined; // of rates that are not scaled
  return Math.min(lr / 4, usual ?? Number.POSITIVE_INFINITY);
}

/** The facts that the loop reports: the start of a training, and the record of each epoch. */
import type * as torch from '@deit-lt/torch';
import { learningRateOf } from '../optim/layer-decay.js';
import { isReweighted } from '../optim/schedules.js';
import type { EpochRecord, TrainingStart } from '../runs/reporter.js';
import type { Progress } from '../runs/training-state.js';
import { plainName } from '../tasks/model-of.js';
import { EpochSums } from './epoch-sums.js';
import type { Evaluated } from './evaluate-epoch.js';
import type { LoopOptions } from './loop-options.js';

/** Returns the facts of a training that starts at `progress`. */
export function trainingStart(
  { task, recipe, run, placement, data, processes: { count: processes } }: LoopOptions,
  { epoch, batch }: Progress,
  length: Pick<TrainingStart, 'epochs' | 'batchesPerEpoch'>,
): TrainingStart {
  const count = (parameters: readonly torch.Tensor[]): number => parameters.reduce((sum, p) => sum + p.numel(), 0);
  const all = count(task.model.parameters());
  const trained = count(task.model.parameters().filter(({ requiresGrad }) => requiresGrad));
  return {
    kind: task.kind,
    folder: run.folder,
    model: task.kind === 'vit' ? plainName(recipe.model.name) : recipe.model.name,
    parameters: all,
    ...(trained < all && { trainedParameters: trained }),
    device: placement.device,
    precision: placement.precision,
    ...length,
    trainImages: data.train.labels.length,
    ...(recipe.shards > 1 && { processes: { count: processes, shardsOfEach: recipe.shards / processes } }),
    ...(epoch + batch > 0 && { resumedAt: { epoch, batch } }),
  };
}

/** Returns the line of metrics of the epoch that ended at `progress`, in which the schedules were at the epoch `scheduled`. */
export function epochRecord(
  { task, recipe, optimizer }: LoopOptions,
  progress: Progress,
  evaluated: Evaluated | undefined,
  scheduled: number,
): EpochRecord {
  const { epoch } = progress;
  const sums = EpochSums.restore(progress);
  const { seconds } = sums.save(0);
  const { loss, parts, gradNorm } = sums.means();
  return {
    epoch,
    lr: learningRateOf(optimizer) ?? recipe.optimizer.lr,
    loss,
    parts,
    ...(gradNorm !== undefined && { gradNorm }),
    seconds,
    imagesPerSecond: sums.images / seconds,
    drw: isReweighted(scheduled, task.drwEpoch),
    ...(evaluated && { evaluatedOn: evaluated.on, evaluation: evaluated.raw }),
    ...(evaluated?.ema && { emaEvaluation: evaluated.ema }),
  };
}

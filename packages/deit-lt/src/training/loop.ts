/**
 * The training loop: the order in which things happen. It does not depend on the kind of task.
 * Everything random comes from streams of (seed, epoch, sample) or from generators whose state is saved, so a resumed
 * training is bit-identical to one that was never interrupted.
 */
import * as torch from '@deit-lt/torch';
import { nextTurn } from '../next-turn.js';
import { setLearningRate } from '../optim/layer-decay.js';
import { totalEpochs } from '../optim/schedules.js';
import type { Progress } from '../runs/training-state.js';
import { learningParameters } from '../tasks/task.js';
import { Checkpoints } from './checkpoints.js';
import { batchesFrom, countBatches } from './epoch-batches.js';
import { EpochSums } from './epoch-sums.js';
import { evaluateEpoch, scoreOf } from './evaluate-epoch.js';
import { setTraining } from './learn.js';
import { learningRateAt } from './learning-rate.js';
import type { LoopOptions } from './loop-options.js';
import { epochRecord, trainingStart } from './loop-reports.js';
import { LossReader } from './loss-values.js';
import { checkSameWeights, checkWeights } from './not-finite.js';
import { ownShards } from './processes.js';
import { interrupted } from './resume-advice.js';
import { ShardGradients } from './shard-gradients.js';
import { shardPasses } from './shard-passes.js';
import { SpeedMeter } from './speed-meter.js';
import { firstPass, update } from './step.js';

export interface LoopResult {
  readonly best: NonNullable<Progress['best']>;
  /** Seconds of training, without pauses. */
  readonly seconds: number;
}

/**
 * Trains to the last epoch. At the end of an epoch the best weights are saved first, then its line of metrics, then the
 * state: after a kill in between the resumed run repeats the epoch and writes the same again. Throws UserError
 * NOT_FINITE, INTERRUPTED (a checkpoint is saved), RUN_FOLDER.
 */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { recipe, evaluation, reporter, signal } = options;
  const epochs = totalEpochs(recipe.schedule, recipe.epochs);
  const checkpoints = new Checkpoints(options);
  let progress = checkpoints.start();
  if (options.processes.any(signal?.aborted === true))
    throw interrupted(options, 'before the first batch', checkpoints.saved);
  checkpoints.open(progress);
  const batches = countBatches(options, progress.epoch);
  reporter.start(trainingStart(options, progress, { epochs, batchesPerEpoch: batches }));

  for (let epoch = progress.epoch; epoch < epochs; epoch++) {
    progress = await trainEpoch(options, { ...progress, epoch }, { epochs, batches, checkpoints });
    checkWeights(options, epoch);
    checkSameWeights(options);
    const evaluated = progress.batch === batches ? await evaluateEpoch(options, epoch, epochs) : 'stopped';
    if (evaluated === 'stopped') {
      checkpoints.save(progress);
      const where = `in epoch ${epoch + 1} of ${epochs} after batch ${progress.batch} of ${batches}`;
      throw interrupted(options, where, checkpoints.saved);
    }
    const record = epochRecord(options, progress, evaluated);
    const score = scoreOf(options, evaluated);
    const isLast = epoch === epochs - 1;
    const byScore = evaluation.select !== 'last';
    const isBest = !byScore || (score !== null && score > (progress.best?.score ?? -1));
    const best = isBest ? { epoch, score: score ?? 0 } : progress.best;
    progress = { ...progress, epoch: epoch + 1, batch: 0, sums: null, best };
    checkpoints.endEpoch(record, { isBest: isBest && (byScore || isLast) });
    if (isLast || checkpoints.isDue()) checkpoints.save(progress);
    reporter.epoch(record);
  }
  return { best: progress.best ?? { epoch: epochs - 1, score: 0 }, seconds: checkpoints.seconds };
}

interface EpochOptions {
  readonly epochs: number;
  /** Batches of an epoch. */
  readonly batches: number;
  readonly checkpoints: Checkpoints;
}

/** Trains from `start` to the end of its epoch, or to the first update after the signal; returns the place reached. */
async function trainEpoch(options: LoopOptions, start: Progress, each: EpochOptions): Promise<Progress> {
  const { task, recipe, optimizer, ema, signal, processes } = options;
  const { epochs, batches, checkpoints } = each;
  const { epoch } = start;
  const sums = EpochSums.restore(start);
  const speed = new SpeedMeter();
  let { batch: index, updates } = start;
  using losses = new LossReader(options, sums);
  const place = (): Progress => {
    losses.flush();
    return { ...start, batch: index, updates, sums: sums.save(speed.seconds) };
  };
  const pass = firstPass(options.sam, epoch);
  setTraining(task.model);
  using gradients = gradientsOf(options);
  for await (const batch of batchesFrom(options, { epoch, startBatch: index, batches })) {
    using views = batch;
    const lr = learningRateAt(recipe, { epoch, batch: index, batches });
    setLearningRate(optimizer, lr);
    const closesWindow = (index + 1) % recipe.accumulation === 0 || index + 1 === batches;
    torch.tidy(() => {
      const run = shardPasses(options, views, gradients, { epoch, batch: index });
      losses.add(run(pass), { epoch, batch: index, images: batch.images });
      if (!closesWindow) return;
      gradients.reduce();
      const again = (): void => {
        run('step');
        gradients.reduce();
      };
      losses.addGradNorm(update(options, again, epoch));
    });
    if (closesWindow || recipe.emaStepping === 'batch') ema?.update();
    if (closesWindow) updates++;
    index++;
    speed.add(batch.images);
    const done = epoch * batches + index;
    options.reporter.step({
      epoch,
      batch: index,
      batches,
      loss: sums.meanLoss,
      lr,
      imagesPerSecond: speed.recent,
      ...(losses.gradNorm !== undefined && { gradNorm: losses.gradNorm }),
      secondsLeft: (checkpoints.seconds / done) * (epochs * batches - done),
    });
    await nextTurn();
    if (!closesWindow) continue; // gradients are not saved: a checkpoint lies between windows
    if (processes.any(signal?.aborted === true)) break;
    options.run.checkOurs();
    if (index < batches && checkpoints.isDue()) checkpoints.save(place());
  }
  return place();
}

function gradientsOf({ task, recipe: { shards, accumulation }, processes }: LoopOptions): ShardGradients {
  return new ShardGradients({
    parameters: learningParameters(task).map(([, parameter]) => parameter),
    shards: ownShards(shards, processes).length,
    accumulation,
    processes,
  });
}

/**
 * The training loop: the order in which things happen. It does not depend on the kind of task.
 * Everything random comes from streams of (seed, epoch, sample) or from generators whose state is saved, so a resumed
 * training is bit-identical to one that was never interrupted.
 */
import * as torch from '@deit-lt/torch';
import { roughDuration } from '../format.js';
import { nextTurn } from '../next-turn.js';
import { setLearningRate } from '../optim/layer-decay.js';
import { totalEpochs } from '../optim/schedules.js';
import type { Progress, SavedPace } from '../runs/training-state.js';
import { learningParameters } from '../tasks/task.js';
import { type CapturedPasses, capturedPasses } from './captured-passes.js';
import { Checkpoints } from './checkpoints.js';
import { afterEvaluation, type EarlyEnd, earlyEndNote, waitsForReweighting } from './early-stopping.js';
import { batchesFrom, countBatches } from './epoch-batches.js';
import { EpochSums } from './epoch-sums.js';
import { evaluateEpoch, scoreOf } from './evaluate-epoch.js';
import { setTraining } from './learn.js';
import { learningRateAt } from './learning-rate.js';
import type { LoopOptions } from './loop-options.js';
import { epochRecord, trainingStart } from './loop-reports.js';
import { LossReader } from './loss-values.js';
import { checkSameWeights, checkWeights } from './not-finite.js';
import { Pace } from './pace.js';
import { ownShards } from './processes.js';
import { interrupted } from './resume-advice.js';
import { ShardGradients } from './shard-gradients.js';
import { shardPasses } from './shard-passes.js';
import { SpeedMeter } from './speed-meter.js';
import { firstPass, update } from './step.js';

export interface LoopResult {
  readonly best: NonNullable<Progress['best']>;
  /** Epochs that were trained: fewer than in the recipe where a limit of time or early stopping has shortened it. */
  readonly epochs: number;
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
  const pace = paceOf(options, { epochs, batches, saved: progress.pace });
  const planned = progress.stopping?.ended === true ? progress.epoch : pace.epochs;
  using captured = capturedPasses(options);
  reporter.start(trainingStart(options, progress, { epochs: planned, batchesPerEpoch: batches }));

  for (let epoch = progress.epoch; epoch < pace.epochs && progress.stopping?.ended !== true; epoch++) {
    progress = await trainEpoch(options, { ...progress, epoch }, { pace, batches, checkpoints, captured });
    checkWeights(options, epoch);
    checkSameWeights(options);
    const done = epoch * batches + progress.batch;
    const isLast = done >= pace.total;
    const isWhole = progress.batch === batches || isLast;
    const evaluated = isWhole ? await evaluateEpoch(options, epoch, pace.epochs) : 'stopped';
    pace.skip();
    if (evaluated === 'stopped') {
      checkpoints.save(progress);
      const where = `in epoch ${epoch + 1} of ${pace.epochs} after batch ${progress.batch} of ${batches}`;
      throw interrupted(options, where, checkpoints.saved);
    }
    const record = epochRecord(options, progress, evaluated, pace.placeAt(done - 1).epoch);
    const score = scoreOf(options, evaluated);
    const byScore = evaluation.select !== 'last';
    const isBest = !byScore || (score !== null && score > (progress.best?.score ?? -1));
    const best = isBest ? { epoch, score: score ?? 0 } : progress.best;
    const stopping = stoppingAfter(options, progress, { ...record, score });
    progress = { ...progress, epoch: epoch + 1, batch: 0, sums: null, best, ...(stopping && { stopping }) };
    checkpoints.endEpoch(record, { isBest: isBest && (byScore || isLast) });
    if (isLast || stopping?.ended === true || checkpoints.isDue()) checkpoints.save(progress);
    reporter.epoch(record, pace.epochs);
  }
  const best = progress.best ?? { epoch: pace.epochs - 1, score: 0 };
  if (progress.stopping?.ended === true && progress.epoch < pace.epochs)
    reporter.note(earlyEnd(options, { trained: progress.epoch, epochs, best }));
  else if (pace.isShortened) reporter.note(shortened(options, pace, { epochs, batches }));
  return { best, epochs: progress.epoch, seconds: checkpoints.seconds };
}

/** The state of early stopping after an epoch; unchanged without an evaluation. */
function stoppingAfter(
  { task, recipe, evaluation: { earlyStopping } }: LoopOptions,
  { stopping }: Progress,
  { epoch, score, drw }: { readonly epoch: number; readonly score: number | null; readonly drw: boolean },
): Progress['stopping'] {
  if (earlyStopping === null || score === null) return stopping;
  const counts = drw || !waitsForReweighting(task.drwEpoch, recipe);
  return afterEvaluation(earlyStopping, stopping, { epoch, score, counts });
}

function earlyEnd({ task: { kind }, evaluation }: LoopOptions, of: Omit<EarlyEnd, 'kind' | 'settings'>): string {
  return earlyEndNote({ kind, settings: evaluation.earlyStopping!, ...of });
}

/** The pace of a training; its end follows the clock where the recipe has a limit. */
function paceOf(
  { recipe, sam, data, evaluation }: LoopOptions,
  {
    epochs,
    batches,
    saved,
  }: { readonly epochs: number; readonly batches: number; readonly saved: SavedPace | undefined },
): Pace {
  const evaluated = Math.max(data.validation?.labels.length ?? 0, data.test?.labels.length ?? 0);
  return new Pace({
    limit: recipe.timeLimit,
    epochs,
    batches,
    accumulation: recipe.accumulation,
    costOf: (epoch) => ((sam?.rhoAt(epoch) ?? 0) > 0 ? samCost : 1),
    evaluationCost: (evaluationCost * evaluated) / recipe.batchSize,
    evaluateEvery: evaluation.every,
    saved,
  });
}

/** A batch with SAM, against one without. */
const samCost = 1.9;
/** An evaluation has only forward passes. */
const evaluationCost = 0.4;

interface EpochOptions {
  readonly pace: Pace;
  /** Batches of an epoch. */
  readonly batches: number;
  readonly checkpoints: Checkpoints;
  readonly captured: CapturedPasses | undefined;
}

/** Trains from `start` to the end of its epoch, or to the first update after the signal; returns the place reached. */
async function trainEpoch(options: LoopOptions, start: Progress, each: EpochOptions): Promise<Progress> {
  const { task, recipe, optimizer, ema, signal, processes } = options;
  const { pace, batches, checkpoints, captured } = each;
  const { epoch } = start;
  const sums = EpochSums.restore(start);
  const speed = new SpeedMeter();
  let { batch: index, updates } = start;
  using losses = new LossReader(options, sums);
  const place = (): Progress => {
    losses.flush();
    const { saved } = pace;
    return { ...start, batch: index, updates, sums: sums.save(speed.seconds), ...(saved && { pace: saved }) };
  };
  setTraining(task.model);
  using gradients = gradientsOf(options);
  for await (const batch of batchesFrom(options, { epoch, startBatch: index, batches })) {
    using views = batch;
    const scheduled = pace.placeAt(epoch * batches + index);
    const pass = firstPass(options.sam, scheduled.epoch);
    const lr = learningRateAt(recipe, scheduled);
    setLearningRate(optimizer, lr);
    const closesWindow = (index + 1) % recipe.accumulation === 0 || index + 1 === batches;
    torch.tidy(() => {
      const place = { epoch, batch: index, scheduled: scheduled.epoch, isLast: closesWindow };
      const run = shardPasses({ ...options, captured }, views, gradients, place);
      losses.add(run(pass), { epoch, batch: index, images: batch.images });
      if (!closesWindow) return;
      gradients.reduce();
      const again = (): void => {
        run('step');
        gradients.reduce();
      };
      losses.addGradNorm(update(options, again, scheduled.epoch));
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
      secondsLeft: (checkpoints.seconds / done) * (pace.total - done),
    });
    await nextTurn();
    if (!closesWindow) continue; // gradients are not saved: a checkpoint lies between windows
    if (processes.any(signal?.aborted === true)) break;
    await lookAtClock(options, pace, { done, seconds: checkpoints.seconds });
    if (done >= pace.total) break;
    options.run.checkOurs();
    if (index < batches && checkpoints.isDue()) checkpoints.save(place());
  }
  return place();
}

/** The first process looks at its clock for all. */
async function lookAtClock(
  { recipe, processes }: LoopOptions,
  pace: Pace,
  { done, seconds }: { readonly done: number; readonly seconds: number },
): Promise<void> {
  if (recipe.timeLimit === null) return;
  pace.look(done, await processes.lead(() => seconds));
}

function shortened(
  { recipe: { timeLimit }, task }: LoopOptions,
  pace: Pace,
  { epochs, batches }: { readonly epochs: number; readonly batches: number },
): string {
  return `${task.kind}: the time limit of ${roughDuration(timeLimit ?? 0)} left time for ${(pace.total / batches).toFixed(1)} of ${epochs} epochs; learning rate and re-weighting were fitted to them`;
}

function gradientsOf({ task, recipe: { shards, accumulation }, processes }: LoopOptions): ShardGradients {
  return new ShardGradients({
    parameters: learningParameters(task).map(([, parameter]) => parameter),
    shards: ownShards(shards, processes).length,
    accumulation,
    processes,
  });
}

/**
 * The training loop: one flat file in the order in which things happen. It does not depend on the kind of task.
 * Everything random comes from streams of (seed, epoch, sample) or from generators whose state is saved, so a resumed
 * training is bit-identical to one that was never interrupted.
 */

import * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import type { LabelledSource, TrainingData } from '../data/prepare-data.js';
import { pairedBatches } from '../data/samplers/paired-batches.js';
import { samplerNamed } from '../data/samplers/sampler.js';
import { UserError } from '../errors.js';
import { type EvaluateOptions, type EvaluationResult, evaluate } from '../evaluation/evaluate.js';
import { nextTurn } from '../next-turn.js';
import type { Ema } from '../optim/ema.js';
import { isReweighted, learningRate, scaledLearningRate, totalEpochs } from '../optim/schedules.js';
import { normOfAll } from '../optim/tensor-lists.js';
import { stream } from '../random/stream.js';
import type { Placement } from '../recipe/device.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { type PartName, partName } from '../recipe/training-kind.js';
import type { EpochRecord, Reporter } from '../runs/reporter.js';
import type { RunConfig, RunFolder } from '../runs/run-folder.js';
import { loadState, type Progress, saveState, saveWeights, type Trained } from '../runs/training-state.js';
import { plainName } from '../tasks/model-of.js';
import { type LossParts, learningModules, learningParameters, type Pass, type Task } from '../tasks/task.js';
import { setTraining } from './initial-weights.js';
import { cannotSave, interrupted } from './resume-advice.js';
import { Saver } from './saver.js';
import { SpeedMeter } from './speed-meter.js';
import { backward, firstPass, type SamPlan, update } from './step.js';

export interface LoopOptions {
  readonly task: Task;
  readonly recipe: TrainingRecipe;
  readonly seed: number;
  readonly evaluation: RunConfig['recipe']['evaluation'];
  readonly data: TrainingData;
  readonly pipelines: { readonly train: Pipeline; readonly eval: Pipeline };
  readonly placement: Placement;
  readonly optimizer: torch.optim.Optimizer<{ lr?: number }>;
  /** Sharpness-aware minimisation around the optimizer, and its radius by epoch. */
  readonly sam?: SamPlan;
  readonly ema: Ema | undefined;
  readonly run: RunFolder;
  readonly config: RunConfig;
  /** Words of the command that messages suggest for resuming. */
  readonly command: readonly string[];
  readonly resume: boolean;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  /**
   * Least time between two checkpoints `last` in seconds, at the ends of epochs and inside of them. Default 20. A large
   * state waits longer, so that saving takes at most a twentieth of the time.
   */
  readonly saveEverySeconds?: number;
}

/**
 * Trains to the last epoch. At the end of an epoch the best weights are saved first, then its line of metrics, then the
 * state: after a kill in between the resumed run repeats the epoch and writes the same again. Throws UserError
 * NOT_FINITE, INTERRUPTED (a checkpoint is saved), RUN_FOLDER.
 */
export async function runLoop(options: LoopOptions): Promise<{ best: NonNullable<Progress['best']>; seconds: number }> {
  const { task, recipe, data, run, config, reporter, evaluation, signal, saveEverySeconds = 20 } = options;
  const trained: Trained = {
    model: task.model,
    companion: task.companion,
    optimizer: options.optimizer,
    ema: options.ema,
    device: options.placement.device,
  };
  const last = run.checkpoint('last');
  const epochs = totalEpochs(recipe.schedule, recipe.epochs);
  let progress = startOf(options, trained);
  let saved: Progress | null = run.hasCheckpoint('last') ? progress : null;
  if (signal?.aborted) throw interrupted(options, 'before the first batch', saved);
  if (saved === null && run.readMetrics().length > 0) reporter.note(startsAgain(last));
  run.keepMetricsBefore(progress.epoch);
  const ids = idsOf(options, progress.epoch);
  const batchesPerEpoch = batchesOf(options, ids.length);
  if (batchesPerEpoch === 0) throw nothingToLearn(options, ids.length);
  reporter.start({
    kind: task.kind,
    folder: run.folder,
    model: task.kind === 'vit' ? plainName(recipe.model.name) : recipe.model.name,
    parameters: task.model.parameters().reduce((sum, p) => sum + p.numel(), 0),
    device: options.placement.device,
    precision: options.placement.precision,
    epochs,
    batchesPerEpoch,
    trainImages: data.train.labels.length,
    ...(progress.epoch + progress.batch > 0 && { resumedAt: { epoch: progress.epoch, batch: progress.batch } }),
  });

  const began = performance.now() - progress.seconds * 1000;
  const secondsNow = (): number => (performance.now() - began) / 1000;
  /** Runs `write` during training; when it fails, the error says which checkpoint is whole. */
  const writing = (write: () => void): void => {
    run.checkOurs();
    try {
      write();
    } catch (error) {
      throw cannotSave(error, options, saved);
    }
  };
  const saver = new Saver(saveEverySeconds, (place) => {
    checkWeights(options, place.epoch);
    writing(() => saveState(last, trained, { ...place, seconds: secondsNow() }, config));
    saved = place;
  });
  for (let epoch = progress.epoch; epoch < epochs; epoch++) {
    progress = await trainEpoch(options, progress, { epoch, epochs, batchesPerEpoch, secondsNow, saver });
    checkWeights(options, epoch);
    const isWhole = progress.batch === batchesPerEpoch;
    const evaluated = isWhole ? await evaluateEpoch(options, epoch, epochs) : 'stopped';
    if (evaluated === 'stopped') {
      saver.save(progress);
      const where = `in epoch ${epoch + 1} of ${epochs} after batch ${progress.batch} of ${batchesPerEpoch}`;
      throw interrupted(options, where, saved);
    }
    const record = recordOf(options, progress, evaluated, epoch);
    const score = scoreOf(options, evaluated);
    const isBest = evaluation.select === 'last' || (score !== null && score > (progress.best?.score ?? -1));
    const best = isBest ? { epoch, score: score ?? 0 } : progress.best;
    const isLast = epoch === epochs - 1;
    progress = { ...progress, epoch: epoch + 1, batch: 0, sums: {}, best };
    writing(() => {
      if (isBest && (evaluation.select !== 'last' || isLast)) saveBest(options, epoch);
      run.appendMetrics(record);
    });
    if (isLast || saver.isDue()) saver.save(progress);
    reporter.epoch(record);
  }
  return { best: progress.best ?? { epoch: epochs - 1, score: 0 }, seconds: secondsNow() };
}

/** Returns the place to start from: the checkpoint's, or the beginning. */
function startOf({ run, resume, config }: LoopOptions, trained: Trained): Progress {
  const file = run.checkpoint('last');
  if (resume && run.hasCheckpoint('last')) return loadState(file, trained, config);
  return { epoch: 0, batch: 0, updates: 0, sums: {}, seconds: 0, best: null };
}

const startsAgain = (checkpoint: string): string =>
  `${checkpoint} does not exist, so this training starts again at epoch 1`;

/**
 * Returns the batches of an epoch. The last one is left out when it is not full and the recipe drops it, or when it is
 * a single image of which batch norm has no statistics.
 */
function batchesOf({ task, recipe: { batchSize, dropLast } }: LoopOptions, images: number): number {
  if (dropLast) return Math.floor(images / batchSize);
  const batches = Math.ceil(images / batchSize);
  const isAlone = batches > 1 && batchSize > 1 && images % batchSize === 1;
  return isAlone && hasBatchNorm(task) ? batches - 1 : batches;
}

function nothingToLearn({ recipe, task, data }: LoopOptions, images: number): UserError {
  const section = sectionOf(task);
  if (images > 0)
    return new UserError(
      'RECIPE',
      `${section}.dropLast: an epoch has ${images} images, fewer than ${section}.batchSize ${recipe.batchSize}, so no batch is left; set a smaller ${section}.batchSize, or ${section}.dropLast=false.`,
    );
  return new UserError(
    'RECIPE',
    `sampler: "${recipe.sampler}" leaves none of the ${data.train.labels.length} training images; use "shuffle" or "repeated-augmentation".`,
  );
}

/** Returns the part of the recipe that the task is trained with. */
const sectionOf = (task: Task): PartName => partName(task.kind);

function hasBatchNorm(task: Task): boolean {
  return learningModules(task).some((module) => module.modules().some((inner) => inner instanceof torch.nn.BatchNorm));
}

/**
 * Returns the images that come beside those of `idsOf`, or null. The seed differs: with the same draws an image would
 * always have the same partner.
 */
function partnersOf({ task, data, seed }: LoopOptions, epoch: number): Int32Array | null {
  const options = { seed: stream(seed, 'partners').uint32(), epoch };
  return task.partners?.(data.train.labels, data.classNames.length, options) ?? null;
}

function idsOf({ recipe, data, seed }: LoopOptions, epoch: number): Int32Array {
  return samplerNamed(recipe.sampler)(data.train.labels, data.classNames.length, {
    seed,
    epoch,
    repeats: recipe.repeats,
    power: recipe.samplerPower,
    beta: recipe.samplerBeta,
  });
}

interface EpochPlace {
  readonly epoch: number;
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  readonly secondsNow: () => number;
  readonly saver: Saver;
}

/** Trains from `start` to the end of the epoch, or to the first update after the signal. */
async function trainEpoch(
  options: LoopOptions,
  start: Progress,
  { epoch, epochs, batchesPerEpoch, secondsNow, saver }: EpochPlace,
): Promise<Progress> {
  const { task, recipe, data, pipelines, placement, optimizer, ema, reporter, seed, signal } = options;
  const span = { lr: baseLearningRate(recipe), epochs: recipe.epochs };
  const speed = new SpeedMeter();
  const sums: Record<string, number> = { ...start.sums };
  let { updates } = start;
  const ids = idsOf(options, epoch);
  const loading = {
    source: data.train.source,
    labels: data.train.labels,
    pipeline: pipelines.train,
    ids,
    batchSize: recipe.batchSize,
    dropLast: batchesPerEpoch * recipe.batchSize < ids.length,
    startBatch: start.batch,
    seed,
    epoch,
    device: placement.device,
  };
  const pass = firstPass(options.sam, epoch);
  setTraining(task.model);
  let index = start.batch;
  let gradNorm: number | undefined;
  const place = (): Progress => {
    const seconds = (start.sums.seconds ?? 0) + speed.seconds;
    return { ...start, epoch, batch: index, updates, sums: { ...sums, seconds } };
  };
  for await (const batch of pairedBatches(loading, partnersOf(options, epoch))) {
    const lr = learningRate(recipe.schedule, span, {
      epoch,
      batch: index,
      batches: batchesPerEpoch,
      accumulation: recipe.accumulation,
    });
    for (const group of optimizer.paramGroups) group.lr = lr;
    const random = stream(seed, 'mix', epoch, index);
    const closesWindow = (index + 1) % recipe.accumulation === 0 || index + 1 === batchesPerEpoch;
    using views = batch;
    torch.tidy(() => {
      const prepared = placement.autocast(() => task.prepare({ ...views, epoch, random }));
      const forward = (pass: Pass) => (): LossParts => placement.autocast(() => prepared.loss(pass));
      const parts = backward(forward(pass), recipe.accumulation);
      addFinite(sums, parts, { options, epoch, batch: index });
      if (!closesWindow) return;
      gradNorm = update(options, () => backward(forward('step'), recipe.accumulation), epoch);
      if (gradNorm !== undefined) addNorm(sums, gradNorm);
    });
    if (closesWindow || recipe.emaStepping === 'batch') ema?.update();
    if (closesWindow) updates++;
    index++;
    sums.images = (sums.images ?? 0) + batch.labels.length;
    speed.add(batch.labels.length);
    const done = epoch * batchesPerEpoch + index;
    reporter.step({
      epoch,
      batch: index,
      batches: batchesPerEpoch,
      loss: sums.loss! / index,
      lr,
      imagesPerSecond: speed.recent,
      ...(gradNorm !== undefined && { gradNorm }),
      secondsLeft: (secondsNow() / done) * (epochs * batchesPerEpoch - done),
    });
    await nextTurn();
    if (!closesWindow) continue; // gradients are not saved: a checkpoint lies between windows
    if (signal?.aborted) break;
    options.run.checkOurs();
    if (index < batchesPerEpoch && saver.isDue()) saver.save(place());
  }
  return place();
}

/** Returns the peak learning rate of the schedule, for the effective batch: `lr · batch / lrPer`. */
export function baseLearningRate({
  optimizer,
  batchSize,
  accumulation,
}: Pick<TrainingRecipe, 'optimizer' | 'batchSize' | 'accumulation'>): number {
  return scaledLearningRate(optimizer.lr, { ...optimizer, batchSize, accumulation });
}

function addFinite(
  sums: Record<string, number>,
  { loss, parts }: LossParts,
  { options, epoch, batch }: { options: LoopOptions; epoch: number; batch: number },
): void {
  const [value, ...more] = numbersOf([loss, ...Object.values(parts)]) as [number, ...number[]];
  if (!Number.isFinite(value))
    throw notFinite(
      options,
      `the loss of the ${options.task.kind} became ${value} in epoch ${epoch + 1}, batch ${batch + 1}`,
    );
  sums.loss = (sums.loss ?? 0) + value;
  for (const [i, name] of Object.keys(parts).entries()) sums[name] = (sums[name] ?? 0) + more[i]!;
}

/**
 * Returns the values of tensors without dimensions; on a card by one copy, since each waits for all kernels before it.
 */
function numbersOf(tensors: readonly torch.Tensor[]): number[] {
  if (!tensors.some(({ isCuda }) => isCuda)) return tensors.map((each) => each.toNumber());
  return torch.stack(tensors.map((each) => each.detach().float())).toArray() as number[];
}

function addNorm(sums: Record<string, number>, norm: number): void {
  sums.gradNorm = (sums.gradNorm ?? 0) + norm;
  sums.gradNorms = (sums.gradNorms ?? 0) + 1;
}

/**
 * Throws when weights are not finite: the last update of an epoch can spoil them after its last loss, and they must not
 * be saved then.
 */
function checkWeights(options: LoopOptions, epoch: number): void {
  const parameters = learningParameters(options.task).map(([, parameter]) => parameter);
  const norm = torch.tidy(() => torch.noGrad(() => normOfAll(parameters).toNumber()));
  if (Number.isFinite(norm)) return;
  throw notFinite(
    options,
    `the weights of the ${options.task.kind} became infinite or not a number in epoch ${epoch + 1}`,
  );
}

function notFinite({ run, recipe, task }: LoopOptions, what: string): UserError {
  const saved = run.hasCheckpoint('last') ? ` The last good checkpoint is ${run.checkpoint('last')}.` : '';
  const section = sectionOf(task);
  return new UserError(
    'NOT_FINITE',
    `${what}.${saved} Try a smaller learning rate (--set ${section}.optimizer.lr=${recipe.optimizer.lr / 4}), a limit on gradients (--set ${section}.optimizer.clipGradNorm=1), or --set precision=float32.`,
  );
}

interface Evaluated {
  readonly on: 'validation' | 'test';
  readonly raw: EvaluationResult;
  readonly ema: EvaluationResult | undefined;
}

/** Undefined when this epoch has no evaluation. */
async function evaluateEpoch(
  options: LoopOptions,
  epoch: number,
  epochs: number,
): Promise<Evaluated | 'stopped' | undefined> {
  const { evaluation, data, ema } = options;
  if ((epoch + 1) % evaluation.every !== 0 && epoch !== epochs - 1) return undefined;
  const on = evaluation.select !== 'test' && data.validation !== undefined ? 'validation' : 'test';
  const split = on === 'validation' ? data.validation : data.test;
  if (split === undefined) return undefined;
  const raw = await evaluateSplit(options, split);
  const averaged = raw !== 'stopped' && ema && (await ema.swap(() => evaluateSplit(options, split)));
  return raw === 'stopped' || averaged === 'stopped' ? 'stopped' : { on, raw, ema: averaged || undefined };
}

type EvaluateSplitOptions = Pick<
  LoopOptions,
  'task' | 'data' | 'pipelines' | 'evaluation' | 'placement' | 'reporter' | 'signal'
>;

/**
 * Returns the model's accuracies on `split` with its current weights; `stopped` when the signal came before all were
 * known. `keep` gets the best classes of each batch.
 */
export async function evaluateSplit(
  { task, data, pipelines, evaluation, placement, reporter, signal }: EvaluateSplitOptions,
  split: LabelledSource,
  keep?: EvaluateOptions['keep'],
): Promise<EvaluationResult | 'stopped'> {
  task.model.eval();
  try {
    return await evaluate({
      ...split,
      groups: data.groups,
      outputClasses: data.classNames,
      pipeline: pipelines.eval,
      batchSize: evaluation.batchSize,
      logits: (images) => placement.autocast(() => task.logits(images)),
      device: placement.device,
      onProgress: (done, total) => reporter.progress('evaluating', done, total),
      ...(keep && { keep }),
      ...(signal && { signal }),
    });
  } catch (error) {
    if (signal?.aborted && error === signal.reason) return 'stopped';
    throw error;
  } finally {
    setTraining(task.model);
  }
}

/**
 * Returns the score that selects the best epoch: the mean of the per-class accuracies, so that the tail counts as much
 * as the head.
 */
function scoreOf({ recipe, evaluation }: LoopOptions, evaluated: Evaluated | undefined): number | null {
  if (evaluated === undefined) return null;
  const { avg } = (recipe.weights === 'ema' ? evaluated.ema : undefined) ?? evaluated.raw;
  return evaluation.select === 'test' ? avg.overall : avg.balanced; // overall: the published rule
}

function saveBest({ run, task, ema, recipe, config }: LoopOptions, epoch: number): void {
  torch.tidy(() => {
    const weights = recipe.weights === 'ema' && ema !== undefined ? ema.stateDict().tensors : task.model.stateDict();
    saveWeights(run.checkpoint('best'), weights, config, epoch);
  });
}

function recordOf(
  { task, recipe, optimizer }: LoopOptions,
  { sums, batch }: Progress,
  evaluated: Evaluated | undefined,
  epoch: number,
): EpochRecord {
  const { loss = 0, images = 0, seconds = 0, gradNorm = 0, gradNorms = 0, ...parts } = sums;
  return {
    epoch,
    lr: optimizer.paramGroups[0]?.lr ?? recipe.optimizer.lr,
    loss: loss / batch,
    parts: Object.fromEntries(Object.entries(parts).map(([name, sum]) => [name, sum / batch])),
    ...(gradNorms > 0 && { gradNorm: gradNorm / gradNorms }),
    seconds,
    imagesPerSecond: images / seconds,
    drw: isReweighted(epoch, task.drwEpoch),
    ...(evaluated && { evaluatedOn: evaluated.on, evaluation: evaluated.raw }),
    ...(evaluated?.ema && { emaEvaluation: evaluated.ema }),
  };
}

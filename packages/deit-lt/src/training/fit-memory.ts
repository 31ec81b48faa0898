/** Finds the largest batches that fit into memory, of all processes; the images of an update stay the same. */
import { existsSync } from 'node:fs';
import * as torch from '@deit-lt/torch';
import type { TrainingData } from '../data/prepare-data.js';
import type { Placement } from '../recipe/device.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { silentReporter } from '../runs/reporter.js';
import { RunFolder, readRunConfig } from '../runs/run-folder.js';
import { learningParameters } from '../tasks/task.js';
import { batchesFrom, countBatches } from './epoch-batches.js';
import { type EvaluateSplitOptions, evaluateSplit } from './evaluate-epoch.js';
import { setTraining } from './learn.js';
import type { LoopOptions, StepOptions } from './loop-options.js';
import { orderedSum } from './ordered-sum.js';
import { batchesOfUpdate, isOutOfMemory, outOfMemory } from './out-of-memory.js';
import { alone, type Processes } from './processes.js';
import { setUp } from './set-up.js';
import { ShardGradients } from './shard-gradients.js';
import { shardPasses } from './shard-passes.js';
import { firstPass, update } from './step.js';
import type { Plan, TrainOptions } from './train-options.js';

export interface FitMemoryOptions {
  readonly kind: TrainingKind;
  readonly options: TrainOptions;
  readonly plan: Plan;
  readonly data: TrainingData;
  readonly placement: Placement;
}

/** The sizes of batches that a trial changes. */
interface Batches extends Pick<TrainingRecipe, 'batchSize' | 'accumulation' | 'shards'> {
  readonly evaluationBatchSize: number;
}

type Fitted = Pick<FitMemoryOptions, 'options' | 'plan'>;

/**
 * Returns `options` and `plan` with the batch sizes of the recipe, or the largest half, quarter, … of them with which two updates of
 * the training and a batch of its evaluation fit into the device's memory, and as many more batches per update. Several processes all
 * try, and take the sizes that fit in each of them. Throws UserError OUT_OF_MEMORY when a batch of one image, or an odd number of images,
 * does not fit.
 */
export async function fitMemory(given: FitMemoryOptions): Promise<Fitted> {
  const earlier = runOf(given.options);
  if (earlier !== undefined) return withBatchesOf(earlier, given);
  let fitted: Fitted = given;
  for (;;) {
    const failure = ofAll(await failureOfTrial({ ...given, ...fitted }), given.options.processes ?? alone);
    if (failure === undefined) return found(fitted, given);
    fitted = halved(failure, { ...given, ...fitted });
  }
}

/** Returns the failure of the first process that has one. All processes call it. */
function ofAll(own: Failure | undefined, processes: Processes): Failure | undefined {
  const failures = processes.exchange(own === undefined ? null : { of: own.of, message: own.error.message });
  const rank = failures.findIndex((failure) => failure !== null);
  const first = failures[rank];
  if (own !== undefined && rank === processes.rank) return own;
  if (first === null || first === undefined) return undefined;
  return { of: first.of, error: new Error(`process ${rank} of ${processes.count} (from 0): ${first.message}`) };
}

/** Reports the sizes that fit. */
function found(fitted: Fitted, given: FitMemoryOptions): Fitted {
  const { batchSize, evaluationBatchSize } = batchesOf({ ...given, ...fitted });
  (given.options.reporter ?? silentReporter).note(
    `batches of ${batchSize} images in training and ${evaluationBatchSize} in evaluation fit into the memory of ${given.placement.device}`,
  );
  return fitted;
}

/** Returns the batches of the part of a trial that failed halved, and reports it. Throws UserError OUT_OF_MEMORY. */
function halved({ error, of }: Failure, given: FitMemoryOptions): Fitted {
  const { options, placement, kind } = given;
  const batches = batchesOf(given);
  const size = of === 'training' ? batches.batchSize : batches.evaluationBatchSize;
  if (size % 2 === 1) throw outOfMemory(error, { ...given, recipe: given.plan.recipe });
  const part = partName(kind);
  const more = batchesOfUpdate(given.plan.recipe);
  const smaller: Batches =
    of === 'training'
      ? { ...batches, batchSize: size / 2, [more]: batches[more] * 2 }
      : { ...batches, evaluationBatchSize: size / 2 };
  const values =
    of === 'training'
      ? `${part}.batchSize=${smaller.batchSize}, ${part}.${more}=${smaller[more]}`
      : `evaluation.batchSize=${smaller.evaluationBatchSize}`;
  const reporter = options.reporter ?? silentReporter;
  reporter.note(`batches of ${size} images do not fit into the memory of ${placement.device} in ${of}: ${values}`);
  return withBatches(smaller, given);
}

/** The recipe of the run that is resumed; undefined for a new one. */
function runOf({ folder, resume }: TrainOptions): Recipe | undefined {
  return resume === true && existsSync(new RunFolder(folder).configFile) ? readRunConfig(folder).recipe : undefined;
}

/** A resumed run keeps the batches that were found at its start; a changed recipe is refused later, by name. */
function withBatchesOf(earlier: Recipe, given: FitMemoryOptions): Fitted {
  const { batchSize, accumulation, shards } = earlier[partName(given.kind)];
  const kept = { batchSize, accumulation, shards };
  const wanted = batchesOf(given);
  const isSame = imagesOf(kept) === imagesOf(wanted);
  return withBatches({ ...wanted, ...(isSame && kept), evaluationBatchSize: earlier.evaluation.batchSize }, given);
}

/** The images of an update. */
const imagesOf = ({ batchSize, accumulation, shards }: Omit<Batches, 'evaluationBatchSize'>): number =>
  batchSize * accumulation * shards;

function batchesOf({ options, plan }: FitMemoryOptions): Batches {
  const { batchSize, accumulation, shards } = plan.recipe;
  return { batchSize, accumulation, shards, evaluationBatchSize: options.recipe.evaluation.batchSize };
}

function withBatches({ evaluationBatchSize, ...batches }: Batches, { kind, options, plan }: FitMemoryOptions): Fitted {
  const part = partName(kind);
  const { recipe } = options;
  const fitted = {
    ...recipe,
    [part]: { ...recipe[part], ...batches },
    evaluation: { ...recipe.evaluation, batchSize: evaluationBatchSize },
  };
  return { options: { ...options, recipe: fitted }, plan: { ...plan, recipe: { ...plan.recipe, ...batches } } };
}

/** Updates of a trial: the first makes the optimizer's state, the second runs beside it. */
const updates = 2;

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

interface Failure {
  readonly error: Error;
  /** The part that lacked memory. */
  readonly of: 'training' | 'evaluation';
}

/** Runs the first updates of the training and a batch of its evaluation, and forgets them. Returns lack of memory; throws other errors. */
async function failureOfTrial(given: FitMemoryOptions): Promise<Failure | undefined> {
  const { kind, options, plan, data, placement } = given;
  let of: Failure['of'] = 'training';
  try {
    const setup = await setUp({ kind, options, plan, data, placement });
    const { seed, evaluation } = options.recipe;
    const { signal } = options;
    const all = { ...setup, recipe: plan.recipe, seed, evaluation, data, placement, processes: alone };
    try {
      await trial({ ...all, sharedBy: (options.processes ?? alone).count, ...(signal && { signal }) });
      of = 'evaluation';
      await trialOfEvaluation(all);
    } finally {
      setup.dispose();
    }
    return undefined;
  } catch (error) {
    if (isOutOfMemory(error)) return { error, of };
    throw error;
  } finally {
    if (placement.device !== 'cpu') emptyCache();
  }
}

/** Evaluates the first batch of the split that the training evaluates. */
async function trialOfEvaluation(options: Omit<EvaluateSplitOptions, 'reporter' | 'signal'>): Promise<void> {
  const split = options.data.validation ?? options.data.test;
  if (split === undefined) return;
  const stop = new AbortController();
  const reporter = { ...silentReporter, progress: () => stop.abort() };
  await evaluateSplit({ ...options, reporter, signal: stop.signal }, split);
}

/** An engine without CUDA's headers cannot empty it: the next trial then takes memory from what the allocator has kept. */
function emptyCache(): void {
  try {
    torch.cuda.emptyCache();
  } catch (error) {
    if (!(error instanceof torch.TorchError)) throw error;
  }
}

interface TrialOptions extends StepOptions, Pick<LoopOptions, 'optimizer' | 'sam' | 'signal'> {
  /** Processes of the training, whose exchange takes memory, too. */
  readonly sharedBy: number;
}

/** Memory is taken when an operator is called, so a card need not be waited for. */
async function trial(options: TrialOptions): Promise<void> {
  const { task, recipe, optimizer, sharedBy, signal } = options;
  const batches = countBatches(options, 0);
  using gradients = new ShardGradients({
    parameters: learningParameters(task).map(([, parameter]) => parameter),
    shards: recipe.shards,
    accumulation: recipe.accumulation,
    processes: { count: sharedBy, addRows: orderedSum },
  });
  for (const group of optimizer.paramGroups) group.lr = 0;
  setTraining(task.model);
  const epoch = Math.max(
    0,
    range(recipe.epochs).findIndex((each) => firstPass(options.sam, each) === 'climb'),
  );
  const pass = firstPass(options.sam, epoch); // with SAM, whose radius may begin at 0
  let batch = 0;
  for await (const views of batchesFrom(options, { epoch: 0, startBatch: 0, batches })) {
    using held = views;
    signal?.throwIfAborted();
    torch.tidy(() => {
      const run = shardPasses(options, held, gradients, { epoch, batch, scheduled: epoch });
      run(pass);
      gradients.reduce();
      update(
        options,
        () => {
          run('step');
          gradients.reduce();
        },
        epoch,
      );
    });
    if (++batch === updates) return;
  }
}

/** Finds the largest batches that fit into memory; the images of an update stay the same. */
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
import { setTraining } from './learn.js';
import type { LoopOptions, StepOptions } from './loop-options.js';
import { isOutOfMemory, outOfMemory } from './out-of-memory.js';
import { alone } from './processes.js';
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

/**
 * Returns `options` and `plan` with the batch size of the recipe, or the largest half, quarter, … of it with which two updates of the
 * training fit into the device's memory, and as many more batches per update. Throws UserError OUT_OF_MEMORY when a
 * batch of one image, or an odd number of images, does not fit.
 */
export async function fitMemory(given: FitMemoryOptions): Promise<Pick<FitMemoryOptions, 'options' | 'plan'>> {
  let { options, plan } = withBatchesOf(runOf(given.options), given);
  if (runOf(given.options) !== undefined) return { options, plan };
  for (;;) {
    const failure = await failureOfTrial({ ...given, options, plan });
    if (failure === undefined) return { options, plan };
    const { batchSize, accumulation } = plan.recipe;
    if (batchSize % 2 === 1) throw outOfMemory(failure, { ...given, recipe: plan.recipe });
    const halved = { batchSize: batchSize / 2, accumulation: accumulation * 2 };
    const reporter = options.reporter ?? silentReporter;
    reporter.note(
      `batches of ${batchSize} images do not fit into the memory of ${given.placement.device}: ${partName(given.kind)}.batchSize=${halved.batchSize}, ${partName(given.kind)}.accumulation=${halved.accumulation}`,
    );
    ({ options, plan } = withBatches(halved, { ...given, options, plan }));
  }
}

/** The recipe of the run that is resumed; undefined for a new one. */
function runOf({ folder, resume }: TrainOptions): Recipe | undefined {
  return resume === true && existsSync(new RunFolder(folder).configFile) ? readRunConfig(folder).recipe : undefined;
}

/** A resumed run keeps the batches that were found at its start. */
function withBatchesOf(
  earlier: Recipe | undefined,
  given: FitMemoryOptions,
): Pick<FitMemoryOptions, 'options' | 'plan'> {
  if (earlier === undefined) return given;
  const { batchSize, accumulation } = earlier[partName(given.kind)];
  const wanted = given.plan.recipe;
  const isSame = batchSize * accumulation === wanted.batchSize * wanted.accumulation;
  return isSame ? withBatches({ batchSize, accumulation }, given) : given; // a changed recipe is refused later, by name
}

function withBatches(
  batches: Pick<TrainingRecipe, 'batchSize' | 'accumulation'>,
  { kind, options, plan }: FitMemoryOptions,
): Pick<FitMemoryOptions, 'options' | 'plan'> {
  const part = partName(kind);
  const recipe = { ...options.recipe, [part]: { ...options.recipe[part], ...batches } };
  return { options: { ...options, recipe }, plan: { ...plan, recipe: { ...plan.recipe, ...batches } } };
}

/** Updates of a trial: the first makes the optimizer's state, the second runs beside it. */
const updates = 2;

const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Runs the first updates of the training, and forgets them. Returns the error of lacking memory; throws others. */
async function failureOfTrial(given: FitMemoryOptions): Promise<Error | undefined> {
  const { kind, options, plan, data, placement } = given;
  try {
    const setup = await setUp({ kind, options, plan, data, placement });
    try {
      await trial({
        ...setup,
        recipe: plan.recipe,
        seed: options.recipe.seed,
        data,
        placement,
        processes: alone,
        ...(options.signal && { signal: options.signal }),
      });
    } finally {
      setup.dispose();
    }
    return undefined;
  } catch (error) {
    if (isOutOfMemory(error)) return error;
    throw error;
  } finally {
    if (placement.device !== 'cpu') torch.cuda.emptyCache();
  }
}

async function trial(options: StepOptions & Pick<LoopOptions, 'optimizer' | 'sam' | 'signal'>): Promise<void> {
  const { task, recipe, optimizer, processes, placement, signal } = options;
  const batches = countBatches(options, 0);
  using gradients = new ShardGradients({
    parameters: learningParameters(task).map(([, parameter]) => parameter),
    shards: recipe.shards,
    accumulation: recipe.accumulation,
    processes,
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
      const run = shardPasses(options, held, gradients, { epoch, batch });
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
    torch.synchronize(placement.device);
    if (++batch === updates) return;
  }
}

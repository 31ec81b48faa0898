/** Trains a teacher and then a student, each in its run folder, or only one of them. */

import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { prepareData, type TrainingData } from '../data/prepare-data.js';
import { fewImagesOf, talliesOf } from '../evaluation/class-figures.js';
import { fewWarning } from '../evaluation/figure-text.js';
import { optimizerRegistry } from '../optim/registry.js';
import { externalTeacher, idleStopping, unreachedReweighting, unusualValues } from '../recipe/contradictions.js';
import { type Placement, placementOf, setKernels } from '../recipe/device.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { silentReporter } from '../runs/reporter.js';
import { type RunConfig, RunFolder } from '../runs/run-folder.js';
import { modelOf } from '../tasks/model-of.js';
import { learningModules, type Task } from '../tasks/task.js';
import { evaluateBest, ruleOf } from './best-checkpoint.js';
import { requireCaptures } from './captured-passes.js';
import { checkProcesses } from './check-processes.js';
import { deviceOfProcess } from './device-of-process.js';
import { fitMemory } from './fit-memory.js';
import { beginFrom, checkFrom, randomWeightsNote } from './initial-weights.js';
import { runLoop } from './loop.js';
import type { LoopOptions } from './loop-options.js';
import { noteOnce } from './note-once.js';
import { isOutOfMemory, outOfMemory } from './out-of-memory.js';
import { alone } from './processes.js';
import { cannotSave, interrupted } from './resume-advice.js';
import { checkSameRun, configOf } from './run-config.js';
import { requireSameTraining } from './same-processes.js';
import { setUp } from './set-up.js';
import type { Plan, TrainOptions, TrainResult, TrainTaskOptions } from './train-options.js';

export type { TrainOptions, TrainResult, TrainTaskOptions } from './train-options.js';

/**
 * Trains the recipe's teacher into `folder`. Throws UserError RECIPE for a recipe whose teacher comes from elsewhere.
 */
export async function trainTeacher(options: TrainOptions): Promise<TrainResult> {
  if (options.recipe.teacher.external) throw externalTeacher();
  return train('teacher', options, { recipe: options.recipe.teacher, teacher: null });
}

/**
 * Trains a task of your own into `folder`, with the loop, the data, the network, the optimizer and the schedule of the recipe's
 * teacher; `teacher.loss` is not used. `create` makes the task as the entry of `registerTask` does. The run folder is one of a
 * teacher: evaluation, prediction, comparison, export and `trainStudent` open it. Throws the errors of a training (RECIPE,
 * RUN_FOLDER, NOT_FINITE, INTERRUPTED), and UserError PLUGIN for a task that cannot be trained.
 */
export function trainTask({
  name,
  create,
  views = [],
  logitScale = 1,
  ...options
}: TrainTaskOptions): Promise<TrainResult> {
  const own = { name, create, views, logitScale };
  return train('teacher', options, { recipe: options.recipe.teacher, teacher: null, own });
}

/** Trains the recipe's student into `folder`, distilled from the teacher's run folder or checkpoint `teacher`. */
export function trainStudent(options: TrainOptions & { readonly teacher: string }): Promise<TrainResult> {
  return train('student', options, { recipe: options.recipe.student, teacher: options.teacher });
}

/** Trains a plain ViT (one token, no teacher) with the student's recipe into `folder`, for comparison. */
export function trainVit(options: TrainOptions): Promise<TrainResult> {
  return train('vit', options, { recipe: options.recipe.student, teacher: null });
}

/**
 * Trains the teacher into `folder/teacher` and the student into `folder/student`; with `vit` also the plain ViT into
 * `folder/vit`.
 */
export async function trainAll(
  options: TrainOptions & { readonly vit?: boolean },
): Promise<{ teacher: TrainResult; student: TrainResult; vit?: TrainResult }> {
  const into = (name: string): TrainOptions => ({ ...options, folder: path.join(options.folder, name), recipe });
  let { recipe } = options;
  await checkBeginning('student', into('student')); // now, not after the hours of the teacher
  const teacher = await trainTeacher(into('teacher'));
  recipe = teacher.recipe;
  const vit = options.vit === true ? await trainVit(into('vit')) : undefined;
  const student = await trainStudent({ ...into('student'), teacher: teacher.folder });
  return { teacher, student, ...(vit && { vit }) };
}

/** Throws what the initial weights of a later training throw when they are missing or do not fit. */
async function checkBeginning(kind: TrainingKind, { recipe, dataset, resume, folder }: TrainOptions): Promise<void> {
  const part = recipe[partName(kind)];
  checkFrom(partName(kind), part, part.from);
  if (part.from === null) return;
  using model = modelOf(kind, part, dataset.classNames.length);
  await beginFrom(model, {
    kind,
    recipe: part,
    classNames: dataset.classNames,
    from: part.from,
    resumed: resume === true ? folder : undefined,
    note: () => {}, // its own training says it
  });
}

async function train(kind: TrainingKind, options: TrainOptions, plan: Plan): Promise<TrainResult> {
  const { dataset, recipe, processes = alone } = options;
  const placement = placementOf({ ...recipe, device: deviceOfProcess(recipe.device, processes) });
  setKernels(recipe, placement.device);
  torch.manualSeed(recipe.seed);
  const data = prepareData(dataset, recipe, { copies: { note: (line) => options.reporter?.note(line) } });
  const part = partName(kind);
  const from = options.from ?? plan.recipe.from;
  checkFrom(part, plan.recipe, from);
  checkProcesses(part, plan.recipe, processes);
  requireCaptures(recipe, { placement, processes });
  const unreached = unreachedReweighting(part, plan.recipe);
  const { note: slower } = placement;
  const unusual = unusualValues(part, plan.recipe);
  const random = randomWeightsNote(part, plan.recipe, from);
  const idle = idleStopping(kind, recipe.evaluation, plan.recipe);
  const notes = [...data.notes, ...fewNotes(data), ...unusual, unreached, idle, random, slower].filter(
    (note) => note !== undefined,
  );
  let fitted = { options, plan };
  try {
    if (options.fitMemory === true) {
      fitted = await fitMemory({ kind, ...fitted, data, placement });
      torch.manualSeed(recipe.seed);
    }
    const setup = await setUp({ kind, ...fitted, data, placement }); // before the folder is made: it finds mistakes
    try {
      return await trainInto(fitted.options, { kind, plan: fitted.plan, data, placement, setup, notes });
    } finally {
      setup.dispose();
    }
  } catch (error) {
    throw isOutOfMemory(error) ? outOfMemory(error, { kind, recipe: fitted.plan.recipe, placement }) : error;
  } finally {
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

/** Returns notes about validation or test splits that are too small to measure epochs and the best checkpoint well. */
function fewNotes({ validation, test }: TrainingData): string[] {
  return (['validation', 'test'] as const).flatMap((name) => {
    const split = { validation, test }[name];
    if (split === undefined) return [];
    const few = fewImagesOf(talliesOf(split, split.labels).images);
    return fewWarning(few, name) ?? [];
  });
}

interface Ready {
  readonly kind: TrainingKind;
  readonly plan: Plan;
  readonly data: TrainingData;
  readonly placement: Placement;
  readonly setup: Awaited<ReturnType<typeof setUp>>;
  /** Warnings, which come behind a refusal to resume. */
  readonly notes: readonly string[];
}

/**
 * The command of this call, else that of the first start: the folder may have been moved since then, or the data. `--resume`
 * reads the recipe from the folder.
 */
function givenCommand({ command = [] }: TrainOptions, config: RunConfig): readonly string[] {
  return command.length > 0 ? command : config.command;
}

/** Trains in the run's folder, and evaluates the best checkpoint. */
async function trainInto(
  options: TrainOptions,
  { kind, plan, data, placement, setup, notes }: Ready,
): Promise<TrainResult> {
  const { recipe, folder, resume = false, reporter = silentReporter, signal, saveEverySeconds } = options;
  const { processes = alone } = options;
  const run = new RunFolder(path.resolve(folder));
  const wanted = configOf(kind, options, { ...plan, ...setup }, data, placement);
  using held = {
    claim: undefined as Disposable | undefined,
    [Symbol.dispose](): void {
      this.claim?.[Symbol.dispose]();
    },
  };
  requireSameTraining(processes, wanted, data);
  const config = await processes.lead(() => {
    const begun = run.begin(wanted, resume);
    checkSameRun(begun, wanted, run);
    held.claim = run.claim();
    run.checkWritable(checkpointBytes(setup.task, plan.recipe));
    return begun;
  });
  for (const note of notes) noteOnce(reporter, note);
  const loop: LoopOptions = {
    ...setup,
    recipe: plan.recipe,
    baseRate: options.baseRecipe?.[partName(kind)].optimizer.lr,
    seed: recipe.seed,
    evaluation: recipe.evaluation,
    cudaGraphs: recipe.cudaGraphs,
    data,
    placement,
    run,
    config,
    command: givenCommand(options, config),
    resume,
    reporter,
    processes,
    ...(signal && { signal }),
    ...(saveEverySeconds !== undefined && { saveEverySeconds }),
  };
  if (plan.recipe.syncBatchNorm)
    for (const module of learningModules(setup.task)) torch.nn.convertSyncBatchNorm(module);
  const { best, epochs, seconds } = await runLoop(loop);
  const whole = { epoch: epochs, batch: 0 };
  const evaluation = await evaluateBest(loop).catch((error: unknown) => {
    throw cannotSave(error, loop, whole);
  });
  if (evaluation === 'stopped') throw interrupted(loop, 'at the last evaluation, after all epochs', whole);
  reporter.end({
    kind,
    model: plan.recipe.model.name,
    folder: run.folder,
    seconds,
    bestEpoch: best.epoch,
    rule: ruleOf(recipe, plan.recipe),
    ...(evaluation && data.test && { test: evaluation }),
  });
  return { folder: run.folder, recipe, evaluation };
}

/** Bytes of `last`, of the new `last` beside it while it is written, and of `best`; all in float32. */
function checkpointBytes({ model, companion }: Task, { ema, optimizer }: TrainingRecipe): number {
  const bytes = (tensors: readonly torch.Tensor[] = []): number => 4 * tensors.reduce((sum, x) => sum + x.numel(), 0);
  const weights = bytes(model.parameters());
  const beside = bytes(companion?.parameters()) + bytes(companion?.buffers());
  const copies = 1 + (ema === null ? 0 : 1) + (optimizerRegistry.find(optimizer.name).numbersPerWeight ?? 2);
  return weights * (2 * copies + 1) + 2 * beside;
}

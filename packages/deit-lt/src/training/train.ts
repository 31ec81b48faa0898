/** The main job: teacher, then student, each in its run folder; and each alone. */
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { buildPipeline } from '../augment/registry.js';
import type { Dataset } from '../data/dataset.js';
import { UserError } from '../errors.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { evaluationPipeline, openClassifier } from './classifier.js';
import { compareClassNames } from './class-names.js';
import { type Placement, placementOf } from './device.js';
import { Ema } from './ema.js';
import type { EvaluationResult } from './evaluate.js';
import { baseLearningRate, evaluateSplit, type LoopOptions, runLoop } from './loop.js';
import { modelOf } from './model-of.js';
import { createOptimizer } from './optimizer.js';
import { prepareData, type TrainingData } from './prepare-data.js';
import { type Reporter, silentReporter, type TrainingKind } from './reporter.js';
import { type RunConfig, RunFolder } from './run-folder.js';
import { SAM } from './sam.js';
import { samRadius } from './schedules.js';
import { StudentTask } from './student-task.js';
import type { Task } from './task.js';
import { fastTeacher, teacherLogits } from './teacher-logits.js';
import { TeacherTask } from './teacher-task.js';
import { readWeights } from './training-state.js';

export interface TrainOptions {
  /** As opened; the long tail and the validation split are made from the recipe. */
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  /** The run folder. Must be new or empty, unless `resume` is set. */
  readonly folder: string;
  /** Goes on with the run in `folder`; one that is finished is left as it is. Default false. */
  readonly resume?: boolean;
  readonly reporter?: Reporter;
  /** Aborting saves a checkpoint and throws UserError INTERRUPTED. */
  readonly signal?: AbortSignal;
  /** Words of the command line, for config.json and for messages that say how to go on. */
  readonly command?: readonly string[];
}

export interface TrainResult {
  readonly folder: string;
  /** Of the best checkpoint on the test split, or on the validation split when there is no test split. */
  readonly evaluation: EvaluationResult | undefined;
}

/** Trains the recipe's teacher into `folder`. */
export function trainTeacher(options: TrainOptions): Promise<TrainResult> {
  return train('teacher', options, { recipe: options.recipe.teacher, teacher: null });
}

/** Trains the recipe's student into `folder`, distilled from the teacher's run folder or checkpoint `teacher`. */
export function trainStudent(options: TrainOptions & { readonly teacher: string }): Promise<TrainResult> {
  return train('student', options, { recipe: options.recipe.student, teacher: options.teacher });
}

/** Trains a plain ViT (one token, no teacher) with the student's recipe into `folder`, for comparison. */
export function trainVit(options: TrainOptions): Promise<TrainResult> {
  return train('vit', options, { recipe: options.recipe.student, teacher: null });
}

/** Trains the teacher into `folder/teacher` and the student into `folder/student`; with `vit` also the plain ViT into `folder/vit`. */
export async function trainAll(
  options: TrainOptions & { readonly vit?: boolean },
): Promise<{ teacher: TrainResult; student: TrainResult; vit?: TrainResult }> {
  const into = (name: string): TrainOptions => ({ ...options, folder: path.join(options.folder, name) });
  const teacher = await trainTeacher(into('teacher'));
  const vit = options.vit === true ? await trainVit(into('vit')) : undefined;
  const student = await trainStudent({ ...into('student'), teacher: teacher.folder });
  return { teacher, student, ...(vit && { vit }) };
}

interface Plan {
  readonly recipe: TrainingRecipe;
  readonly teacher: string | null;
}

async function train(kind: TrainingKind, options: TrainOptions, plan: Plan): Promise<TrainResult> {
  const { dataset, recipe, folder, resume = false, reporter = silentReporter, signal } = options;
  const placement = placementOf(recipe);
  torch.manualSeed(recipe.seed);
  const data = prepareData(dataset, recipe);
  for (const note of data.notes) reporter.note(note);
  const run = new RunFolder(path.resolve(folder));
  const config = run.begin(configOf(kind, options, plan, data, placement), resume);
  checkSameRun(config, kind, options, data, run);

  const setup = await setUp(kind, options, plan, data, placement);
  run.checkWritable(64 * 1024);
  const loop: LoopOptions = {
    ...setup,
    recipe: plan.recipe,
    seed: recipe.seed,
    evaluation: recipe.evaluation,
    data,
    placement,
    run,
    config,
    resume,
    reporter,
    ...(signal && { signal }),
  };
  try {
    const { best, seconds } = await runLoop(loop);
    const evaluation = await evaluateBest(loop);
    reporter.end({
      kind,
      folder: run.folder,
      seconds,
      bestEpoch: best.epoch,
      rule: ruleOf(recipe, plan.recipe),
      ...(evaluation && data.test && { test: evaluation }),
    });
    return { folder: run.folder, evaluation };
  } finally {
    setup.dispose();
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

/** The model, its task, optimizer and pipelines. */
async function setUp(kind: TrainingKind, options: TrainOptions, plan: Plan, data: TrainingData, placement: Placement) {
  const { recipe } = options;
  const part = plan.recipe;
  const numClasses = data.classNames.length;
  const model = modelOf(kind, part, numClasses).to(placement.device);
  const optimizer = createOptimizer(model, part.optimizer, baseLearningRate(part));
  const ema = part.ema === null ? undefined : new Ema(model, { decay: part.ema });
  const oracle =
    plan.teacher === null ? undefined : await teacherFor(plan.teacher, recipe, data);
  const { trainCounts } = data;
  const task: Task =
    kind === 'teacher'
      ? new TeacherTask({ model: model as TeacherTask['model'], recipe: recipe.teacher, trainCounts, device: placement.device })
      : new StudentTask({ model, recipe: recipe.student, ...(oracle && { teacher: oracle.logits }), trainCounts });
  const { sam: samRecipe } = recipe.teacher;
  const sam = kind === 'teacher' && samRecipe.rho > 0 ? new SAM(optimizer, samRecipe) : undefined;
  return {
    task,
    optimizer,
    ema,
    pipelines: { train: buildPipeline(part.augment, { ...part, size: part.imageSize }), eval: evaluationPipeline(part) },
    ...(sam && {
      sam: {
        sam,
        rhoAt: (epoch: number) => samRadius(epoch, part.epochs, samRecipe),
        freezeStatistics: samRecipe.freezeStatistics,
      },
    }),
    dispose: () => oracle?.[Symbol.dispose](),
  };
}

/** The teacher's logits for the student's batches, in the order of the data's classes. */
async function teacherFor(teacher: string, recipe: Recipe, data: TrainingData) {
  const classifier = await openClassifier(teacher);
  if (classifier.kind !== 'teacher' && classifier.kind !== 'vit')
    throw new UserError('CHECKPOINT', `${classifier.file} is a ${classifier.kind}, not a teacher. Give the teacher's run folder to --teacher.`);
  const order = compareClassNames(classifier.classNames, data.classNames, classifier.file);
  return teacherLogits(fastTeacher(classifier), { student: recipe.student, order });
}

/** The best checkpoint on the test images, or on the validation images when there are none. */
async function evaluateBest(loop: LoopOptions): Promise<EvaluationResult | undefined> {
  const split = loop.data.test ?? loop.data.validation;
  if (split === undefined) return undefined;
  torch.tidy(() => void loop.task.model.loadStateDict(readWeights(loop.run.checkpoint('best')).tensors));
  return evaluateSplit(loop, split);
}

function ruleOf({ evaluation: { select } }: Recipe, { weights }: TrainingRecipe): string {
  const of = weights === 'ema' ? ' (averaged weights)' : '';
  if (select === 'last') return `the last epoch${of}`;
  if (select === 'test') return `highest overall accuracy on the test images${of}: the published protocol, too good`;
  return `highest mean of the class accuracies on the validation images${of}`;
}

function configOf(
  kind: TrainingKind,
  { recipe, command = [] }: TrainOptions,
  { teacher }: Plan,
  data: TrainingData,
  { device, precision }: Placement,
): RunConfig {
  const [cpu] = os.cpus();
  return {
    format: 'deit-lt run 1',
    kind,
    recipe,
    data: {
      name: data.name,
      classNames: data.classNames,
      trainCounts: [...data.trainCounts],
      fingerprint: data.fingerprint,
    },
    teacher: teacher && path.resolve(teacher),
    command,
    environment: {
      node: process.version,
      platform: `${process.platform} ${process.arch} ${os.release()}`,
      cpu: cpu?.model ?? 'unknown',
      cores: os.availableParallelism(),
      threads: torch.getNumThreads(),
      device,
      precision,
    },
    started: new Date().toISOString(),
  };
}

/** A resumed run must be the same run: kind, data and recipe (the number of threads may differ). */
function checkSameRun(config: RunConfig, kind: TrainingKind, { recipe }: TrainOptions, data: TrainingData, { folder }: RunFolder): void {
  const wrong = (what: string): UserError =>
    new UserError('RUN_FOLDER', `${folder} cannot be resumed: ${what}. Start a new run with another --out.`);
  if (config.kind !== kind) throw wrong(`it is a run of a ${config.kind}, not of a ${kind}`);
  if (config.data.fingerprint !== data.fingerprint)
    throw wrong(`its ${config.data.trainCounts.reduce((a, b) => a + b, 0)} training images are not those of ${data.name}`);
  const changed = firstDifference(config.recipe, recipe);
  if (changed !== undefined) throw wrong(`its recipe has another ${changed}`);
}

/** The dotted key of the first value in which two recipes differ. */
function firstDifference(a: unknown, b: unknown, path: readonly string[] = []): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Object.is(a, b) ? undefined : path.join('.');
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    const found = firstDifference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

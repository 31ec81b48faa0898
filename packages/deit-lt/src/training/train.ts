/** The main job: teacher, then student, each in its run folder; and each alone. */
import os from 'node:os';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { requireSameOrder } from '../by-class.js';
import { openAnyClassifier } from '../classifier/any-classifier.js';
import { orderNotes, teacherOrder } from '../classifier/class-names.js';
import { type AnyClassifier, evaluationPipeline, loadWeights } from '../classifier/classifier.js';
import { fastTeacher, type TeacherLogits, teacherLogits } from '../classifier/teacher-logits.js';
import type { Dataset } from '../data/dataset.js';
import { prepareData, type TrainingData } from '../data/prepare-data.js';
import { UserError } from '../errors.js';
import { fewImagesOf, talliesOf } from '../evaluation/class-figures.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { fewWarning } from '../evaluation/figure-text.js';
import { Ema } from '../optim/ema.js';
import { createOptimizer } from '../optim/optimizer.js';
import { SAM } from '../optim/sam.js';
import { samRadius, totalEpochs } from '../optim/schedules.js';
import { externalTeacher, unreachedReweighting, unusualValues } from '../recipe/contradictions.js';
import { type Placement, placementOf } from '../recipe/device.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { sha256Of } from '../runs/files.js';
import { PredictionRecorder } from '../runs/predictions.js';
import { type Reporter, silentReporter, type TrainingKind } from '../runs/reporter.js';
import { type RunConfig, RunFolder } from '../runs/run-folder.js';
import { saveEvaluation } from '../runs/save-evaluation.js';
import { readWeights } from '../runs/training-state.js';
import { createTeacherTask } from '../tasks/create-teacher-task.js';
import { modelOf } from '../tasks/model-of.js';
import { StudentTask } from '../tasks/student-task.js';
import { learningParameters, type Task } from '../tasks/task.js';
import { trainingPipeline } from '../tasks/training-pipeline.js';
import { beginFrom, checkFrom } from './initial-weights.js';
import { baseLearningRate, evaluateSplit, type LoopOptions, runLoop } from './loop.js';
import { cannotSave, interrupted } from './resume-advice.js';

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
  /**
   * Seconds between two checkpoints `last`, at the ends of epochs and inside of them; 0 saves after each update. Default 20. A
   * large state waits longer, so that saving takes at most a twentieth of the time.
   */
  readonly saveEverySeconds?: number;
  /** The run folder or checkpoint whose weights the training of one model begins with. Default: random ones. */
  readonly from?: string;
  /** Words of the command line, for config.json and for messages that say how to go on. */
  readonly command?: readonly string[];
}

export interface TrainResult {
  readonly folder: string;
  /** Of the best checkpoint on the test split, or on the validation split when there is no test split. */
  readonly evaluation: EvaluationResult | undefined;
}

/** Trains the recipe's teacher into `folder`. Throws UserError RECIPE for a recipe whose teacher comes from elsewhere. */
export async function trainTeacher(options: TrainOptions): Promise<TrainResult> {
  if (options.recipe.teacher.external) throw externalTeacher();
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
  const { dataset, recipe, reporter = silentReporter } = options;
  const placement = placementOf(recipe);
  torch.manualSeed(recipe.seed);
  const data = prepareData(dataset, recipe);
  const part = kind === 'teacher' ? 'teacher' : 'student';
  checkFrom(part, plan.recipe, options.from);
  const vain = unreachedReweighting(part, plan.recipe);
  const { note: slower } = placement;
  const unusual = unusualValues(part, plan.recipe);
  for (const note of [...data.notes, ...fewNotes(data), ...unusual, vain, slower])
    if (note !== undefined) reporter.note(note);
  try {
    const setup = await setUp({ kind, options, plan, data, placement }); // before the folder is made: it finds mistakes
    try {
      return await trainInto(options, { kind, plan, data, placement, setup });
    } finally {
      setup.dispose();
    }
  } finally {
    for (const split of [data.train, data.validation, data.test]) await split?.source[Symbol.asyncDispose]();
  }
}

/** Of the images that epochs and the best checkpoint are measured on. */
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
}

/** The run's folder, the loop, and the figures of the best checkpoint. */
async function trainInto(options: TrainOptions, { kind, plan, data, placement, setup }: Ready): Promise<TrainResult> {
  const { recipe, folder, resume = false, reporter = silentReporter, signal, saveEverySeconds } = options;
  const run = new RunFolder(path.resolve(folder));
  const wanted = configOf(kind, options, { ...plan, ...setup }, data, placement);
  const config = run.begin(wanted, resume);
  checkSameRun(config, wanted, run);
  using _claim = run.claim();
  run.checkWritable(checkpointBytes(setup.task, plan.recipe));
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
    ...(saveEverySeconds !== undefined && { saveEverySeconds }),
  };
  const { best, seconds } = await runLoop(loop);
  const whole = { epoch: totalEpochs(plan.recipe.schedule, plan.recipe.epochs), batch: 0 };
  const evaluation = await evaluateBest(loop).catch((error: unknown) => {
    throw cannotSave(error, config, whole);
  });
  if (evaluation === 'stopped') throw interrupted(config, 'at the last evaluation, after all epochs', whole);
  reporter.end({
    kind,
    folder: run.folder,
    seconds,
    bestEpoch: best.epoch,
    rule: ruleOf(recipe, plan.recipe),
    ...(evaluation && data.test && { test: evaluation }),
  });
  return { folder: run.folder, evaluation };
}

/** The model, its task, optimizer and pipelines. What was made of them is released when the rest cannot be. */
async function setUp(given: SetUpOptions) {
  const resources: Disposable[] = [];
  const dispose = (): void => {
    for (const resource of resources.toReversed()) resource[Symbol.dispose]();
  };
  const own: Own = (resource) => {
    if (resource !== undefined) resources.push(resource);
    return resource;
  };
  try {
    return { ...(await makeParts(given, own)), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

interface SetUpOptions {
  readonly kind: TrainingKind;
  readonly options: TrainOptions;
  readonly plan: Plan;
  readonly data: TrainingData;
  readonly placement: Placement;
}

/** Is told of each resource when it is made. */
type Own = <T extends Disposable | undefined>(resource: T) => T;

async function makeParts({ kind, options, plan, data, placement }: SetUpOptions, own: Own) {
  const { recipe } = options;
  const part = plan.recipe;
  const numClasses = data.classNames.length;
  const model = own(modelOf(kind, part, numClasses));
  const { learn } = part;
  const from =
    options.from === undefined ? undefined : beginFrom(model, options.from, { learn, classNames: data.classNames });
  model.to(placement.device);
  const ema = own(
    part.ema === null
      ? undefined
      : new Ema(model, { decay: part.ema, ...(part.emaDevice === 'cpu' && { device: 'cpu' }) }),
  );
  const oracle = own(plan.teacher === null ? undefined : await teacherFor(plan.teacher, options, data));
  const { trainCounts } = data;
  if (oracle !== undefined) requireSameOrder(oracle.classNames, trainCounts.classNames, 'the teacher and the data');
  const task: Task =
    kind === 'teacher'
      ? createTeacherTask({
          model: model as torch.nn.Module<[torch.Tensor], torch.Tensor>,
          recipe: recipe.teacher,
          trainCounts,
          device: placement.device,
        })
      : new StudentTask({ model, recipe: recipe.student, ...(oracle && teacherOf(oracle, recipe)), trainCounts });
  own(task.companion);
  const learning = { namedParameters: () => learningParameters(task) };
  const optimizer = own(createOptimizer(learning, part.optimizer, baseLearningRate(part)));
  const { sam: samRecipe } = recipe.teacher;
  const sam = own(kind === 'teacher' && samRecipe.rho > 0 ? new SAM(optimizer, samRecipe) : undefined);
  return {
    task,
    optimizer,
    ema,
    pipelines: {
      train: kind === 'teacher' ? trainingPipeline(recipe.teacher) : trainingPipeline(recipe.student, oracle?.recipe),
      eval: evaluationPipeline(part),
    },
    ...(sam && {
      sam: {
        sam,
        rhoAt: (epoch: number) => samRadius(epoch, part.epochs, samRecipe),
        freezeStatistics: samRecipe.freezeStatistics,
      },
    }),
    teacherSha256: oracle?.sha256 ?? null,
    ...(from && { from }),
  };
}

/** Bytes of `last`, of the new `last` beside it while it is written, and of `best`; all in float32. */
function checkpointBytes({ model, companion }: Task, { ema, optimizer }: TrainingRecipe): number {
  const bytes = (tensors: readonly torch.Tensor[] = []): number => 4 * tensors.reduce((sum, x) => sum + x.numel(), 0);
  const weights = bytes(model.parameters());
  const beside = bytes(companion?.parameters()) + bytes(companion?.buffers());
  const copies = 1 + (ema === null ? 0 : 1) + (optimizer.name === 'sgd' ? 1 : 2);
  return weights * (2 * copies + 1) + 2 * beside;
}

/** The teacher's logits for the student's batches, in the order of the data's classes. */
async function teacherFor(teacher: string, { recipe, reporter = silentReporter }: TrainOptions, data: TrainingData) {
  const classifier = await openAnyClassifier(teacher, { recipe });
  try {
    checkTeacher(classifier, recipe);
    const { mapTargets } = recipe.student.distillation;
    const order = teacherOrder(mapTargets, {
      ...classifier,
      teacher: classifier.classNames,
      data: data.classNames,
      trainCounts: data.countsBefore,
    });
    const assumed = mapTargets === 'count' ? [] : orderNotes(classifier);
    for (const note of [...(classifier.notes ?? []), ...assumed]) reporter.note(note);
    const sha256 = sha256Of(classifier.file);
    const logits = teacherLogits(fastTeacher(classifier), { student: recipe.student, order });
    return { ...logits, recipe: classifier.recipe, sha256 };
  } catch (error) {
    classifier[Symbol.dispose]();
    throw error;
  }
}

/** Throws UserError CHECKPOINT for what is no teacher, or not one for the images that the recipe shows it. */
function checkTeacher({ kind, file, fixedSize, recipe: { imageSize } }: AnyClassifier, { student }: Recipe): void {
  if (kind !== 'teacher' && kind !== 'vit')
    throw new UserError(
      'CHECKPOINT',
      `${file} is a ${kind}, not a teacher. Give the teacher's run folder to --teacher.`,
    );
  if (fixedSize && student.distillation.teacherInput === 'same-size' && student.imageSize !== imageSize)
    throw new UserError(
      'CHECKPOINT',
      `${file} only takes images of ${imageSize} × ${imageSize}, but student.distillation.teacherInput=same-size gives it the student's images of ${student.imageSize} × ${student.imageSize}; set it to own.`,
    );
}

/** The teacher as the student's task asks it: about the student's images, or about a view of its own. */
function teacherOf({ logits, logitsOfOwn }: TeacherLogits, { student: { distillation } }: Recipe) {
  const teacherView = (distillation.teacherAugment ?? null) !== null;
  return { teacher: teacherView ? logitsOfOwn : logits, teacherView };
}

/**
 * The best checkpoint on the test images, or on the validation images when there are none; `evaluation.json` keeps the
 * figures, `predictions.safetensors` what it says of each image.
 */
async function evaluateBest(loop: LoopOptions): Promise<EvaluationResult | 'stopped' | undefined> {
  const { data, run, task } = loop;
  const split = data.test ?? data.validation;
  if (split === undefined) return undefined;
  run.checkOurs();
  const epoch = torch.tidy(() => {
    const file = run.checkpoint('best');
    const best = readWeights(file, { run: loop.config });
    loadWeights(task.model, best.tensors, file);
    return best.epoch ?? 0;
  });
  const recorder = new PredictionRecorder();
  const evaluation = await evaluateSplit(loop, split, recorder.keep);
  if (evaluation === 'stopped') return evaluation;
  const of = { split: data.test ? 'test' : 'validation', epoch, data: data.name } as const;
  run.checkOurs();
  saveEvaluation(run, { ...of, images: split, evaluation, recorder });
  return evaluation;
}

function ruleOf({ evaluation: { select } }: Recipe, { weights }: TrainingRecipe): string {
  const of = weights === 'ema' ? ' (averaged weights)' : '';
  if (select === 'last') return `the last epoch${of}`;
  if (select === 'test')
    return `highest overall accuracy on the test images${of}: the published protocol, which is too optimistic`;
  return `highest mean of the class accuracies on the validation images${of}`;
}

function configOf(
  kind: TrainingKind,
  { recipe, command = [] }: TrainOptions,
  { teacher, teacherSha256, from }: Pick<Plan, 'teacher'> & Pick<RunConfig, 'teacherSha256' | 'from'>,
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
      countsBefore: [...data.countsBefore],
      groups: [...data.groups],
      fingerprint: data.fingerprint,
    },
    teacher: teacher && path.resolve(teacher),
    teacherSha256,
    ...(from && { from }),
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

/** A resumed run must be the same run: kind, data, recipe and teacher (the number of threads may differ). */
function checkSameRun(config: RunConfig, wanted: RunConfig, { folder }: RunFolder): void {
  const wrong = (what: string): UserError =>
    new UserError('RUN_FOLDER', `${folder} cannot be resumed: ${what}. Start a new run with another --out.`);
  if (config.kind !== wanted.kind) throw wrong(`it is a run of a ${config.kind}, not of a ${wanted.kind}`);
  const changed = firstDifference(config.recipe, wanted.recipe);
  if (changed !== undefined) throw wrong(`its recipe differs in ${changed}`);
  if (config.data.fingerprint !== wanted.data.fingerprint)
    throw wrong(
      `its ${config.data.trainCounts.reduce((a, b) => a + b, 0)} training images are not those of ${wanted.data.name}`,
    );
  if (firstDifference(config.data.classNames, wanted.data.classNames) !== undefined)
    throw wrong(`the names or the order of its classes differ from those of ${wanted.data.name}`);
  if (config.from?.sha256 !== wanted.from?.sha256)
    throw wrong(`it started from the weights of ${config.from?.path ?? 'no other run'}, not from those given`);
  if (config.teacherSha256 !== wanted.teacherSha256)
    throw wrong(`its teacher, ${config.teacher}, is not the same as ${wanted.teacher} now`);
}

/** The dotted key of the first value in which two recipes differ. */
function firstDifference(a: unknown, b: unknown, path: readonly string[] = []): string | undefined {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Object.is(a, b) ? undefined : path.join('.');
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  for (const key of keys) {
    const found = firstDifference((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key], [
      ...path,
      key,
    ]);
    if (found !== undefined) return found;
  }
  return undefined;
}

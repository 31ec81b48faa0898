/**
 * Estimates the cost of a training: images per second of a recipe's steps, measured for a few seconds on its own data.
 */
import * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import { byClass } from '../by-class.js';
import { copiesFit } from '../data/cache/copies-room.js';
import type { Dataset } from '../data/dataset.js';
import { openPixels } from '../data/open-pixels.js';
import type { PixelSource } from '../data/pixel-source.js';
import { pairedBatches } from '../data/samplers/paired-batches.js';
import { shuffled } from '../data/samplers/sampler-orders.js';
import { placeOn } from '../models/place-on.js';
import { nextTurn } from '../next-turn.js';
import { createOptimizer } from '../optim/optimizer.js';
import { SAM, type SteppingOptimizer } from '../optim/sam.js';
import { stream } from '../random/stream.js';
import { placementOf, setKernels } from '../recipe/device.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { createTeacherTask } from '../tasks/create-teacher-task.js';
import { modelOf } from '../tasks/model-of.js';
import { StudentTask } from '../tasks/student-task.js';
import { learningParameters, type Pass, type Task } from '../tasks/task.js';
import { trainingPipeline } from '../tasks/training-pipeline.js';
import { backward, firstPass, type SamPlan, update } from './step.js';

const F = torch.nn.functional;

export interface MeasureSpeedOptions {
  /** Seconds for each of the two trainings. Default 2. */
  readonly seconds?: number;
  /** Also measures the teacher's steps without SAM. Default false. */
  readonly withoutSam?: boolean;
  /**
   * A time of `performance.now()` from which on a measurement ends with its first batch after those that warm up. Default: none.
   */
  readonly until?: number | undefined;
  /** Ends the measurement after the batch at hand. */
  readonly signal?: AbortSignal | undefined;
}

/** Training images per second, augmentation included; the student's steps include the teacher's forward pass. */
export interface TrainingSpeed {
  /** Speed of the student. */
  readonly imagesPerSecond: number;
  readonly teacherImagesPerSecond: number;
  /** Speed of the teacher's steps without SAM; absent when it was not measured. */
  readonly teacherPlainImagesPerSecond?: number;
  /** Most bytes that tensors took on the device of the training meanwhile. */
  readonly memoryBytes: number;
}

/**
 * Runs steps of both trainings on `dataset` with random weights. Throws the errors of the recipe and the images, and
 * the signal's reason.
 */
export async function measureTrainingSpeed(
  recipe: Recipe,
  dataset: Dataset,
  { seconds = 2, withoutSam = false, until, signal }: MeasureSpeedOptions = {},
): Promise<TrainingSpeed> {
  const { device } = placementOf(recipe);
  const memory = device === 'cpu' ? torch.cpu : torch.cuda;
  memory.resetPeakMemoryStats(device);
  using probes = probesOf(recipe, dataset, { seconds, until, signal });
  const teacherRate = await probes.teacher();
  const plainRate = withoutSam ? await probes.plainTeacher() : undefined;
  return {
    imagesPerSecond: await probes.student(),
    teacherImagesPerSecond: teacherRate,
    ...(plainRate !== undefined && { teacherPlainImagesPerSecond: plainRate }),
    memoryBytes: memory.memoryStats(device).peakAllocated,
  };
}

/**
 * Returns the images per second of the trainings `trains`, and runs steps of no other: a plain ViT has no teacher. Throws the
 * errors of the recipe and the images, and the signal's reason.
 */
export async function measureTrainingRates(
  recipe: Recipe,
  dataset: Dataset,
  trains: readonly TrainingKind[],
  { seconds = 2, until, signal }: Pick<MeasureSpeedOptions, 'seconds' | 'until' | 'signal'> = {},
): Promise<ReadonlyMap<TrainingKind, number>> {
  using probes = probesOf(recipe, dataset, { seconds, until, signal });
  const rates = new Map<TrainingKind, number>();
  for (const kind of trains) rates.set(kind, await probes[kind]());
  return rates;
}

type TeacherNetwork = torch.nn.Module<[torch.Tensor], torch.Tensor>;

type Probes = Disposable & Readonly<Record<TrainingKind | 'plainTeacher', () => Promise<number>>>;

/**
 * Returns a measurement for each training, and for a teacher without SAM. The networks are made when they are needed, and released
 * with the measurements.
 */
function probesOf(recipe: Recipe, dataset: Dataset, limits: Pick<RateOptions, 'seconds' | 'until' | 'signal'>): Probes {
  const made: Disposable[] = [];
  const track = <T extends Disposable | undefined>(resource: T): T => {
    if (resource !== undefined) made.push(resource);
    return resource;
  };
  const numClasses = dataset.classNames.length;
  const trainCounts = byClass(dataset.classNames, new Int32Array(numClasses).fill(1));
  const { device } = placementOf(recipe);
  setKernels(recipe, device);
  const network = (kind: TrainingKind) => placeOn(track(modelOf(kind, recipe[partName(kind)], numClasses)), device);
  const teacher = once(() => network('teacher') as TeacherNetwork);
  const teacherTask = once(() => {
    const task = createTeacherTask({ model: teacher(), recipe: recipe.teacher, trainCounts, device });
    track(task.companion);
    return task;
  });
  const learner = { recipe: recipe.student, trainCounts };
  const run = (task: Task, whole = recipe): Promise<number> =>
    rate(task, recipe[partName(task.kind)], { recipe: whole, dataset, ...limits });
  const { sam } = recipe.teacher;
  return {
    teacher: () => run(teacherTask()),
    plainTeacher: () => run(teacherTask(), { ...recipe, teacher: { ...recipe.teacher, sam: { ...sam, rho: 0 } } }),
    vit: () => run(new StudentTask({ ...learner, model: network('vit') })),
    student: () => {
      const { imageSize } = recipe.teacher;
      const isOwn = recipe.student.distillation.teacherInput !== 'same-size';
      const sized = (images: torch.Tensor): torch.Tensor =>
        isOwn && images.size(3) !== imageSize
          ? F.interpolate(images, { size: imageSize, mode: 'bicubic', antialias: true })
          : images;
      const answers = (images: torch.Tensor): torch.Tensor => teacher().eval().call(sized(images));
      const teacherView = recipe.student.distillation.teacherAugment !== null;
      return run(new StudentTask({ ...learner, model: network('student'), teacher: answers, teacherView }));
    },
    [Symbol.dispose]: () => {
      for (const resource of made.toReversed()) resource[Symbol.dispose]();
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

interface RateOptions {
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly seconds: number;
  readonly until: number | undefined;
  readonly signal: AbortSignal | undefined;
}

async function rate(task: Task, part: TrainingRecipe, options: RateOptions): Promise<number> {
  const { recipe, dataset, seconds, until = Number.POSITIVE_INFINITY } = options;
  const { device } = placementOf(recipe);
  using optimizer = createOptimizer({ namedParameters: () => learningParameters(task) }, part.optimizer, 1e-6);
  const { rho } = recipe.teacher.sam;
  using around = task.kind === 'teacher' && rho > 0 ? new SAM(optimizer, { rho }) : undefined;
  const sam = around && { sam: around, rhoAt: () => rho, freezeStatistics: false };
  await using source = openPixels(dataset.train.images, { kind: 'shrunk' });
  const measured: MeasuredSteps = { task, part, optimizer, sam, source, options };
  const most = measuredBatch(part, device);
  const began = performance.now();
  const isLate = (now: number): boolean => now >= until || now - began > longest * seconds * 1000; // a machine that is very slow now
  let batch = most;
  if (device === 'cpu' && most > trialBatch) {
    const trial = await timesOf(measured, trialBatch, ({ updates }) => updates > 0);
    batch = shortBatch(trial, most);
  }
  const times = await timesOf(
    measured,
    batch,
    (so, now) => so.updates > 0 && (isLate(now) || (so.updates > 1 && so.ms > seconds * 1000)),
  );
  return rateOf(times, Math.min(part.batchSize, dataset.train.labels.length));
}

interface MeasuredSteps {
  readonly task: Task;
  readonly part: TrainingRecipe;
  readonly optimizer: SteppingOptimizer;
  readonly sam: SamPlan | undefined;
  readonly source: PixelSource;
  readonly options: RateOptions;
}

/** Times of steps, without the first two, which allocate memory and choose kernels. */
export interface StepTimes {
  readonly images: number;
  readonly updates: number;
  /** All of the time. */
  readonly ms: number;
  /** Its part that each update takes whatever its images: the optimizer's, and what SAM does with the weights. */
  readonly updateMs: number;
}

const [warmUp, noTimes]: [number, StepTimes] = [2, { images: 0, updates: 0, ms: 0, updateMs: 0 }];

/** Runs steps with batches of `batchSize` until `isEnough`. Between two of them the event loop goes round, where signals arrive. */
async function timesOf(
  measured: MeasuredSteps,
  batchSize: number,
  isEnough: (times: StepTimes, now: number) => boolean,
): Promise<StepTimes> {
  const { task, part, optimizer, sam, source, options } = measured;
  const { recipe, dataset, signal } = options;
  const placement = placementOf(recipe);
  const { labels } = dataset.train;
  const few = await firstOf(measured, batchSize);
  const loading = {
    source,
    labels,
    pipeline: pipelineOf(task.kind, recipe),
    ids: few(shuffled(labels.length)),
    batchSize,
    device: placement.device,
  };
  const partners = task.partners && few(task.partners(labels, dataset.classNames.length));
  const pass = firstPass(sam, 0);
  let [times, since, batches, updateMs] = [noTimes, performance.now(), 0, 0];
  for await (const batch of pairedBatches(loading, partners ?? null)) {
    torch.tidy(() => {
      const prepared = placement.autocast(() =>
        task.prepare({ ...batch, epoch: 0, random: stream(0, 'mix', 0, batches) }),
      );
      let passMs = 0;
      const passOver = (of: Pass): void => {
        const from = performance.now();
        backward(() => placement.autocast(() => prepared.loss(of)), part.accumulation);
        passMs += performance.now() - from;
      };
      passOver(pass);
      const [from, before] = [performance.now(), passMs];
      update({ task, recipe: part, optimizer, ...(sam && { sam }) }, () => passOver('step'), 0);
      updateMs += performance.now() - from - (passMs - before);
    });
    batch[Symbol.dispose]();
    torch.synchronize(placement.device);
    await nextTurn();
    signal?.throwIfAborted();
    const now = performance.now();
    if (++batches <= warmUp) [updateMs, since] = [0, now];
    else times = { images: times.images + batch.labels.length, updates: times.updates + 1, ms: now - since, updateMs };
    if (isEnough(times, now)) break;
  }
  return times;
}

/**
 * Returns what makes an order endless. Where copies of large images will be kept, it has few images, whose copies are there when
 * the clock runs, as they are from the second epoch on.
 */
async function firstOf(
  { source, part, options }: MeasuredSteps,
  batchSize: number,
): Promise<(order: Int32Array) => Int32Array> {
  await source.measure?.(Int32Array.of(0));
  const hasCopies =
    copiesFit(source.length, source.sizeOf(0), part.imageSize) && options.dataset.train.images.kind === 'files';
  return (order) => endless(hasCopies ? order.subarray(0, warmUp * batchSize) : order);
}

/** Returns images per second with batches of `batchSize`, from the times of others. */
export function rateOf({ images, updates, ms, updateMs }: StepTimes, batchSize: number): number {
  const perImage = (ms - updateMs) / images + updateMs / updates / batchSize;
  return 1000 / perImage;
}

/** Images of the first steps on a processor: of them the time of a step is known before one takes long. */
const trialBatch = 8;
/** A step that is measured should not take longer than this: Ctrl-C waits for its end. */
const longestStepMs = 500;

/** Returns the images of a step that takes about half a second, a multiple of 8 and at most `most`. */
export function shortBatch({ images, ms }: Pick<StepTimes, 'images' | 'ms'>, most: number): number {
  const fitting = (longestStepMs * images) / ms;
  return Math.min(most, Math.max(trialBatch, 8 * Math.floor(fitting / 8)));
}

function pipelineOf(kind: TrainingKind, { teacher, student }: Recipe): Pipeline {
  if (kind === 'teacher') return trainingPipeline(teacher);
  return kind === 'vit' ? trainingPipeline(student) : trainingPipeline(student, teacher);
}

/** A measurement ends after so many times its seconds, with the batches that there were. */
const longest = 4;

/** Number of pixels in a batch beyond which a CPU gets no faster; the batches of a card would take it minutes. */
const mostPixels = 2 ** 20;

/** Returns the recipe's batch size; on the CPU a part of it, a multiple of 8, when the images are large. */
function measuredBatch({ batchSize, imageSize }: TrainingRecipe, device: string): number {
  const fitting = Math.max(8, 8 * Math.floor(mostPixels / imageSize ** 2 / 8));
  return device === 'cpu' ? Math.min(batchSize, fitting) : batchSize;
}

/** Enough places for the measurement, whatever the number of images. */
function endless(order: Int32Array): Int32Array {
  return Int32Array.from({ length: 1_000_000 }, (_, i) => order[i % order.length]!);
}

/**
 * Estimates the cost of a training: images per second of a recipe's steps, measured for a few seconds on its own data.
 */
import * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import { byClass } from '../by-class.js';
import type { Dataset } from '../data/dataset.js';
import { openPixels } from '../data/open-pixels.js';
import { pairedBatches } from '../data/samplers/paired-batches.js';
import { shuffled } from '../data/samplers/sampler-orders.js';
import { placeOn } from '../models/place-on.js';
import { nextTurn } from '../next-turn.js';
import { createOptimizer } from '../optim/optimizer.js';
import { SAM } from '../optim/sam.js';
import { stream } from '../random/stream.js';
import { placementOf, setKernels } from '../recipe/device.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { createTeacherTask } from '../tasks/create-teacher-task.js';
import { modelOf } from '../tasks/model-of.js';
import { StudentTask } from '../tasks/student-task.js';
import { learningParameters, type Pass, type Task } from '../tasks/task.js';
import { trainingPipeline } from '../tasks/training-pipeline.js';
import { backward, firstPass, update } from './step.js';

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
      const answers = (images: torch.Tensor): torch.Tensor => teacher().eval().call(images);
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
  const { recipe, dataset, seconds, until = Number.POSITIVE_INFINITY, signal } = options;
  const placement = placementOf(recipe);
  using optimizer = createOptimizer({ namedParameters: () => learningParameters(task) }, part.optimizer, 1e-6);
  const { rho } = recipe.teacher.sam;
  using around = task.kind === 'teacher' && rho > 0 ? new SAM(optimizer, { rho }) : undefined;
  const sam = around && { sam: around, rhoAt: () => rho, freezeStatistics: false };
  await using source = openPixels(dataset.train.images);
  const { labels } = dataset.train;
  const loading = {
    source,
    labels,
    pipeline: pipelineOf(task.kind, recipe),
    ids: endless(shuffled(labels.length)),
    batchSize: measuredBatch(part, placement.device),
    device: placement.device,
  };
  const partners = task.partners && endless(task.partners(labels, dataset.classNames.length));
  const pass = firstPass(sam, 0);
  const began = performance.now();
  let [images, since, batches] = [0, began, 0];
  for await (const batch of pairedBatches(loading, partners ?? null)) {
    torch.tidy(() => {
      const prepared = placement.autocast(() =>
        task.prepare({ ...batch, epoch: 0, random: stream(0, 'mix', 0, batches) }),
      );
      const forward = (pass: Pass) => () => placement.autocast(() => prepared.loss(pass));
      backward(forward(pass), part.accumulation);
      const again = () => backward(forward('step'), part.accumulation);
      update({ task, recipe: part, optimizer, ...(sam && { sam }) }, again, 0);
    });
    batch[Symbol.dispose]();
    torch.synchronize(placement.device);
    await nextTurn();
    signal?.throwIfAborted();
    // The first two batches allocate memory and choose kernels.
    if (++batches <= 2) [images, since] = [0, performance.now()];
    else images += batch.labels.length;
    const now = performance.now();
    if (batches > 3 && now - since > seconds * 1000) break;
    if (batches > 2 && (now >= until || now - began > longest * seconds * 1000)) break; // a machine that is very slow now
  }
  return images / ((performance.now() - since) / 1000);
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

/**
 * One step of either training, put together as `trainTeacher` and `trainStudent` do it and run as their loop runs it
 * (packages/deit-lt/src/training/train.ts and loop.ts), without run folders, schedules and reports.
 */
import * as torch from '@deit-lt/torch';
import { ClassMap } from '#deit-lt/by-class.js';
import { type Classifier, evaluationPipeline } from '#deit-lt/classifier/classifier.js';
import { fastTeacher, teacherLogits } from '#deit-lt/classifier/teacher-logits.js';
import { type Batch, Loader } from '#deit-lt/data/loader.js';
import { prepareData, type TrainingData } from '#deit-lt/data/prepare-data.js';
import { createSampler } from '#deit-lt/data/samplers/registry.js';
import { drawShapes } from '#deit-lt/data/shapes/index.js';
import type { ImageModel } from '#deit-lt/models/model.js';
import { placeOn } from '#deit-lt/models/place-on.js';
import { Ema } from '#deit-lt/optim/ema.js';
import { createOptimizer } from '#deit-lt/optim/optimizer.js';
import { SAM } from '#deit-lt/optim/sam.js';
import { samRadius } from '#deit-lt/optim/schedules.js';
import { stream } from '#deit-lt/random/stream.js';
import { type Placement, placementOf } from '#deit-lt/recipe/device.js';
import { loadRecipe } from '#deit-lt/recipe/load.js';
import type { Recipe } from '#deit-lt/recipe/schema.js';
import { createTeacherTask } from '#deit-lt/tasks/create-teacher-task.js';
import { modelOf } from '#deit-lt/tasks/model-of.js';
import { StudentTask } from '#deit-lt/tasks/student-task.js';
import { type LossParts, learningParameters, type Pass, type Task } from '#deit-lt/tasks/task.js';
import { trainingPipeline } from '#deit-lt/tasks/training-pipeline.js';
import { baseLearningRate } from '#deit-lt/training/learning-rate.js';
import { backward, firstPass, update } from '#deit-lt/training/step.js';

/** `teacher` is trained by LDAM-DRW, `paco` and `glmc` are the other teachers; all three with SAM. */
export type Kind = 'teacher' | 'student' | 'paco' | 'glmc';

/** The part of its recipe that a kind is trained by. */
export function partOf(kind: Kind, recipe: Recipe): Recipe['teacher'] | Recipe['student'] {
  return kind === 'student' ? recipe.student : recipe.teacher;
}

/** GLMC is published with a ResNet-34, which takes tens of seconds a step here, and with this one. */
const recipes: Readonly<Record<Kind, { name: string; settings?: readonly string[] }>> = {
  teacher: { name: 'cifar10-lt-cpu' },
  student: { name: 'cifar10-lt-cpu' },
  paco: { name: 'cifar10-lt-100-paco' },
  glmc: {
    name: 'cifar10-lt-100-glmc',
    settings: ['teacher.model.name=resnet32', 'teacher.loss.embedding=128', 'teacher.batchSize=128'],
  },
};

export interface Setting {
  readonly recipe: Recipe;
  readonly placement: Placement;
  readonly data: TrainingData;
}

/** The recipe by which a kind is measured, on the CPU; `precision` as in recipes: `auto` is what users get. */
export function recipeOf(kind: Kind, precision: string, settings: readonly string[] = []): Recipe {
  const { name, settings: own = [] } = recipes[kind];
  return loadRecipe(name, { settings: ['device=cpu', `precision=${precision}`, ...own, ...settings] });
}

/**
 * What losses are compared with: at the teacher's full learning rate the first step's rounding errors (1e-6) grow to
 * 1 % of the third one's loss, in PyTorch alone, too.
 */
export function checkRecipe(kind: Kind): Recipe {
  return recipeOf(kind, 'float32', ['teacher.optimizer.lr=0.001']);
}

/** The epoch of the steps: GLMC's balanced head has a share of its own from the middle on. */
export function epochOf(kind: Kind, { teacher }: Recipe): number {
  return kind === 'glmc' ? teacher.epochs / 2 : 0;
}

/** Training images of the largest class: what LDAM's margins are of, so both sides need it. */
export const largestClass = 1000;

/** Drawn images take the place of CIFAR-10: as large, as many classes, with the same tail. */
export function openSetting(recipe: Recipe): Setting {
  torch.manualSeed(recipe.seed);
  return {
    recipe,
    placement: placementOf(recipe),
    data: prepareData(drawShapes({ trainPerClass: largestClass, testPerClass: 1 }), recipe),
  };
}

/** `count` full batches through the training's own pipeline, over as many epochs as that takes. */
export function loaderOf(kind: Kind, { recipe, placement, data }: Setting, count: number): Loader {
  const part = partOf(kind, recipe);
  const { labels, source } = data.train;
  const epochs = Math.ceil((count * part.batchSize) / labels.length);
  const { name, ...options } = part.sampler;
  const sampler = createSampler(name, options);
  const ids = Array.from({ length: epochs }, (_, epoch) => [
    ...sampler(labels, data.classNames.length, { seed: 0, epoch }),
  ]);
  return new Loader({
    source,
    labels,
    pipeline: trainingPipeline(part),
    ids: Int32Array.from(ids.flat().slice(0, count * part.batchSize)),
    batchSize: part.batchSize,
    device: placement.device,
  });
}

export interface Trainer {
  readonly model: ImageModel;
  /** What the loss needs beside the model: heads, key encoder, queue. */
  readonly companion: torch.nn.AnyModule | undefined;
  /** The student's teacher, with random weights. */
  readonly teacher: ImageModel | undefined;
  /** Trains on the batch and gives its loss; `index` chooses how images are mixed, GLMC's with those of `partners`. */
  step(batch: StepBatch, index: number, partners?: StepBatch): number;
}

export type StepBatch = Pick<Batch, 'images' | 'more' | 'labels'>;

export function trainerOf(kind: Kind, setting: Setting): Trainer {
  const { recipe, placement, data } = setting;
  const part = partOf(kind, recipe);
  const { device } = placement;
  const model = placeOn(modelOf(kind === 'student' ? 'student' : 'teacher', part, data.classNames.length), device);
  const ema = part.ema === null ? undefined : new Ema(model, { decay: part.ema });
  const oracle = kind === 'student' ? oracleOf(setting) : undefined;
  const { trainCounts } = data;
  const task: Task =
    kind === 'student'
      ? new StudentTask({ model, recipe: recipe.student, trainCounts, ...(oracle && { teacher: oracle.logits }) })
      : createTeacherTask({ model: model as TeacherNet, recipe: recipe.teacher, trainCounts, device });
  const learning = { namedParameters: () => learningParameters(task) };
  const optimizer = createOptimizer(learning, part.optimizer, baseLearningRate(part));
  const sam = kind === 'student' || recipe.teacher.sam.rho === 0 ? undefined : samOf(recipe, optimizer);
  const options = { task, recipe: part, optimizer, ...(sam && { sam }) };
  const epoch = epochOf(kind, recipe);
  model.train();

  const step: Trainer['step'] = ({ images, more, labels }, index, partners) => {
    const random = stream(recipe.seed, 'mix', 0, index);
    const batch = { images, more, labels, epoch, random, ...(partners && { partners }) };
    const loss = torch.tidy(() => {
      const prepared = placement.autocast(() => task.prepare(batch));
      const forward = (pass: Pass): LossParts => placement.autocast(() => prepared.loss(pass));
      const { loss, parts } = backward(() => forward(firstPass(sam, epoch)), part.accumulation);
      const value = loss.toNumber();
      for (const own of Object.values(parts)) own.toNumber(); // the loop sums the parts, too
      update(options, () => backward(() => forward('step'), part.accumulation), epoch);
      return value;
    });
    ema?.update();
    return loss;
  };
  return { model, companion: task.companion, teacher: oracle?.model, step };
}

type TeacherNet = torch.nn.Module<[torch.Tensor], torch.Tensor>;

function samOf({ teacher: { epochs, sam } }: Recipe, optimizer: ReturnType<typeof createOptimizer>) {
  return {
    sam: new SAM(optimizer, sam),
    rhoAt: (epoch: number) => samRadius(epoch, epochs, sam),
    freezeStatistics: sam.freezeStatistics,
  };
}

/** What the student's training makes of a teacher's checkpoint, from a teacher that has learned nothing. */
function oracleOf({ recipe: { teacher: recipe, student }, placement, data }: Setting) {
  const model = modelOf('teacher', recipe, data.classNames.length).to(placement.device).eval();
  for (const parameter of model.parameters()) parameter.requiresGrad_(false);
  const classifier: Classifier = {
    kind: 'teacher',
    model,
    recipe,
    placement,
    classNames: data.classNames,
    namesKnown: true,
    background: [255, 255, 255],
    pipeline: evaluationPipeline(recipe),
    trainCounts: data.trainCounts,
    groups: data.groups,
    file: 'none',
    precision: 'auto',
    epoch: 0,
    logits: (images) => ({ avg: placement.autocast(() => model.call(images)) as torch.Tensor }),
    [Symbol.dispose]: () => {},
  };
  const order = new ClassMap(data.classNames, data.classNames, null);
  return { model, ...teacherLogits(fastTeacher(classifier), { student, order }) };
}

/** Makes everything that a training needs before its first batch: the model, its task, optimizer and pipelines. */
import * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import { requireSameOrder } from '../by-class.js';
import { evaluationPipeline } from '../classifier/classifier.js';
import type { TrainingData } from '../data/prepare-data.js';
import { placeOn } from '../models/place-on.js';
import { Ema } from '../optim/ema.js';
import { decayByLayer } from '../optim/layer-decay.js';
import { createOptimizer } from '../optim/optimizer.js';
import { SAM } from '../optim/sam.js';
import { samRadius } from '../optim/schedules.js';
import type { Placement } from '../recipe/device.js';
import type { Recipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { silentReporter } from '../runs/reporter.js';
import { type CreateTeacherTaskOptions, createOwnTask, createTeacherTask } from '../tasks/create-teacher-task.js';
import { modelOf } from '../tasks/model-of.js';
import { StudentTask } from '../tasks/student-task.js';
import { learningParameters, type Task } from '../tasks/task.js';
import { pipelineWithViews, trainingPipeline } from '../tasks/training-pipeline.js';
import { initializeFromImages } from './initial-images.js';
import { beginFrom } from './initial-weights.js';
import { baseLearningRate } from './learning-rate.js';
import { noteOnce } from './note-once.js';
import { teacherFor, teacherOf } from './student-teacher.js';
import type { Plan, TrainOptions } from './train-options.js';

/** Returns the model, its task, optimizer and pipelines. When one of them cannot be made, the others are released. */
export async function setUp(given: SetUpOptions) {
  const resources: Disposable[] = [];
  const dispose = (): void => {
    for (const resource of resources.toReversed()) resource[Symbol.dispose]();
  };
  const track: Track = (resource) => {
    if (resource !== undefined) resources.push(resource);
    return resource;
  };
  try {
    return { ...(await makeParts(given, track)), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

export interface SetUpOptions {
  readonly kind: TrainingKind;
  readonly options: TrainOptions;
  readonly plan: Plan;
  readonly data: TrainingData;
  readonly placement: Placement;
}

/** Registers a resource for release with the others, and returns it. */
type Track = <T extends Disposable | undefined>(resource: T) => T;

async function makeParts({ kind, options, plan, data, placement }: SetUpOptions, track: Track) {
  const { recipe } = options;
  const part = plan.recipe;
  const numClasses = data.classNames.length;
  const model = track(modelOf(kind, part, numClasses));
  const from = await beginFrom(model, {
    kind,
    recipe: part,
    classNames: data.classNames,
    from: options.from ?? part.from,
    resumed: options.resume === true ? options.folder : undefined,
    note: (line) => noteOnce(options.reporter ?? silentReporter, line),
  });
  placeOn(model, placement.device);
  const evalPipeline = evaluationPipeline(part);
  if (from === undefined) await initializeFromImages(model, data.train, { pipeline: evalPipeline, ...placement });
  const ema = track(
    part.ema === null
      ? undefined
      : new Ema(model, { decay: part.ema, ...(part.emaDevice === 'cpu' && { device: 'cpu' }) }),
  );
  const teacher = track(plan.teacher === null ? undefined : await teacherFor(plan.teacher, options, data));
  const { trainCounts } = data;
  if (teacher !== undefined) requireSameOrder(teacher.classNames, trainCounts.classNames, 'the teacher and the data');
  const task: Task =
    kind === 'teacher'
      ? teacherTask(plan, {
          model: model as torch.nn.Module<[torch.Tensor], torch.Tensor>,
          recipe: recipe.teacher,
          trainCounts,
          device: placement.device,
        })
      : new StudentTask({ model, recipe: recipe.student, ...(teacher && teacherOf(teacher, recipe)), trainCounts });
  track(task.companion);
  const learning = { namedParameters: () => learningParameters(task) };
  const optimizer = track(createOptimizer(learning, part.optimizer, baseLearningRate(part)));
  if (part.layerDecay !== null) decayByLayer(optimizer, model, part.layerDecay);
  const { sam: samRecipe } = recipe.teacher;
  const sam = track(kind === 'teacher' && samRecipe.rho > 0 ? new SAM(optimizer, samRecipe) : undefined);
  return {
    task,
    optimizer,
    ema,
    ...(placement.precision === 'float16' && { scaler: new torch.amp.GradScaler() }),
    pipelines: {
      train: kind === 'teacher' ? teacherPipeline(plan, recipe) : trainingPipeline(recipe.student, teacher?.recipe),
      eval: evalPipeline,
    },
    ...(sam && {
      sam: {
        sam,
        rhoAt: (epoch: number) => samRadius(epoch, part.epochs, samRecipe),
        freezeStatistics: samRecipe.freezeStatistics,
      },
    }),
    teacherSha256: teacher?.sha256 ?? null,
    ...(from && { from }),
  };
}

function teacherTask({ own }: Plan, options: CreateTeacherTaskOptions): Task {
  return own === undefined ? createTeacherTask(options) : createOwnTask(options, own);
}

function teacherPipeline({ own }: Plan, { teacher }: Recipe): Pipeline {
  return own === undefined ? trainingPipeline(teacher) : pipelineWithViews(teacher, own.views);
}

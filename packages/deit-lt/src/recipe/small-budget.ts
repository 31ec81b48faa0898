/**
 * Any recipe in a size that two cores run in seconds: tiny images and networks, two epochs, few images. It is for
 * trying a recipe out, and for running every recipe in tests; its figures say nothing about the recipe.
 */
import { taskRegistry } from '../tasks/registry.js';
import { mapEpochs } from './epochs.js';
import type { Recipe, StudentRecipe, TeacherRecipe, TrainingRecipe } from './schema.js';

/** The end of such a recipe's description, by which its runs are recognised. */
export const smallBudgetMark = '(budget small: for trying out only)';

const epochs = 2;
/** Everything that begins late begins in the second epoch. */
const late = epochs - 1;
/** Above the 256 that the published repeated augmentation needs. */
const images = 300;

/**
 * Kinds of losses, optimizers, schedules, samplers, augmentation, distillation and mixing stay; numbers that cost time
 * shrink.
 */
export function smallBudget(recipe: Recipe): Recipe {
  const { description, data, teacher, student, evaluation } = recipe;
  return {
    ...recipe,
    description: `${description} ${smallBudgetMark}`,
    data: { ...data, limit: Math.min(images, data.limit ?? images) },
    teacher: smallTeacher(teacher),
    student: smallStudent(student),
    evaluation: { ...evaluation, every: epochs, batchSize: Math.min(evaluation.batchSize, 64) },
  };
}

/** Side of the input: that of small images halves, others become small. */
const smallSide = (side: number): number => (side > 32 ? 32 : 16);

function smallPart<P extends TrainingRecipe>(part: P): P {
  const { imageSize, batchSize, accumulation, drw, schedule, ema } = part;
  return {
    ...part,
    imageSize: smallSide(imageSize),
    evalSize: null,
    epochs,
    batchSize: Math.min(batchSize, 16),
    accumulation: Math.min(accumulation, 2),
    drw: { ...drw, epoch: drw.epoch === null ? null : Math.min(drw.epoch, late) },
    schedule: mapEpochs(schedule, (epoch) => Math.min(epoch, late)),
    ema: ema === null ? null : Math.min(ema, 0.9),
  };
}

function smallTeacher(teacher: TeacherRecipe): TeacherRecipe {
  const { model, loss, mixing, sam } = teacher;
  return {
    ...smallPart(teacher),
    model: smallModel(model, teacher.imageSize),
    loss: smallLoss(loss),
    mixing: mixing && smallMixing(mixing),
    sam: { ...sam, steps: sam.steps.map(([epoch, rho]) => [Math.min(epoch, late), rho]) },
  };
}

/** A task defines its own small options. */
function smallLoss(loss: TeacherRecipe['loss']): TeacherRecipe['loss'] {
  const { name, ...options } = loss;
  const small = taskRegistry.get(name)?.small?.(options);
  return small === undefined ? loss : { name, ...small };
}

function smallStudent(student: StudentRecipe): StudentRecipe {
  const { model, mixing, multiCrop, imageSize } = student;
  return {
    ...smallPart(student),
    model: smallModel(model, imageSize),
    mixing: smallMixing(mixing),
    multiCrop: multiCrop && { ...multiCrop, localSize: smallSide(imageSize) / 2 },
  };
}

function smallMixing<M extends StudentRecipe['mixing']>(mixing: M): M {
  return { ...mixing, untilEpoch: mixing.untilEpoch === null ? null : Math.min(mixing.untilEpoch, late) };
}

type Model = TrainingRecipe['model'];

/** A small network of the same family, with the options that change what is computed and not how much. */
function smallModel(model: Model, imageSize: number): Model {
  const { name, cosine } = model;
  if (/^(vit|deit)/.test(name)) return smallTransformer(model, imageSize);
  if (/^regnet/.test(name)) return { name: 'regnety_004' };
  if (/^resnet\d+_cifar$/.test(name)) return { name: 'resnet18_cifar', width: 8, ...(cosine && { cosine }) };
  if (/^resnet(20|32|44|56|110)$/.test(name)) return { name: 'resnet20', width: 8, ...(cosine && { cosine }) };
  if (name === 'airbench94') return { name, width: 8 };
  if (/^resne/.test(name)) return { name: 'resnet18', ...(cosine && { cosine }) };
  return model;
}

function smallTransformer({ name, ...rates }: Model, imageSize: number): Model {
  const isDeit3 = /^deit3/.test(name);
  const { patchEmbed, dropRate, attnDropRate, dropPathRate, initValues = isDeit3 ? 1e-4 : null } = rates;
  const constantDropPath = rates.constantDropPath ?? (isDeit3 || undefined);
  const distilled = name === 'deit' || name.includes('distilled');
  const size = { patchSize: smallSide(imageSize) / 4, embedDim: 32, depth: 2, numHeads: 2 };
  const kept = Object.entries({ patchEmbed, dropRate, attnDropRate, dropPathRate, constantDropPath }).filter(
    ([, value]) => value !== undefined,
  );
  return { name: distilled ? 'deit' : 'vit', ...size, initValues, ...Object.fromEntries(kept) };
}

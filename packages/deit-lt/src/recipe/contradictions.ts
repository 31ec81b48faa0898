/** Checks of several values of a recipe together: values that contradict each other, and values that have no effect. */

import { UserError } from '../errors.js';
import { short } from '../format.js';
import { lossRegistry } from '../losses/registry.js';
import { optimizerRegistry } from '../optim/registry.js';
import { suggestedCommand } from '../suggested-command.js';
import { taskRegistry } from '../tasks/registry.js';
import { toEpoch } from './epochs.js';
import type { Recipe, TeacherRecipe, TrainingRecipe } from './schema.js';

const parts = ['teacher', 'student'] as const;

/** Returns the reasons why the recipe cannot be trained, one sentence each. */
export function contradictions(recipe: Recipe): string[] {
  const { transMix, cutmix, cutmixMinMax } = recipe.student.mixing;
  const { multiCrop, distillation } = recipe.student;
  return [
    ...(multiCrop !== null && distillation.teacherAugment !== null
      ? [
          'student.multiCrop and student.distillation.teacherAugment are both on: with several views the teacher sees each of them; set one to null',
        ]
      : []),
    ...parts.flatMap((name) => partContradictions(name, recipe[name])),
    ...stoppingContradictions(recipe.evaluation),
    ...teacherContradictions(recipe.teacher),
    ...teacherMixing(recipe.teacher),
    ...clsSmoothing(recipe.student),
    ...(transMix && cutmix === 0 && cutmixMinMax === null
      ? [
          'student.mixing.transMix is for the labels of CutMix, but student.mixing.cutmix is 0: set it to 1, or transMix=false',
        ]
      : []),
  ];
}

/** The epoch at which a training ends is a choice like that of the best epoch. */
function stoppingContradictions({ earlyStopping, select }: Recipe['evaluation']): string[] {
  if (earlyStopping === null || select === 'validation') return [];
  return [
    `evaluation.earlyStopping ends a training by its validation images, but evaluation.select is "${select}": set evaluation.select=validation and data.validation=0.1, or evaluation.earlyStopping=null`,
  ];
}

function teacherContradictions({
  loss: { name },
  model,
  drw,
  sam,
  accumulation,
  learn,
  shards,
}: TeacherRecipe): string[] {
  const task = taskRegistry.get(name);
  const entry = task ?? lossRegistry.get(name);
  const is = `teacher.loss.name is "${name}"`;
  return [
    ...(model.cosine === true && entry?.cosine !== true
      ? [`${is}, which needs a linear classifier: set teacher.model.cosine=false`]
      : []),
    ...(task?.balances === true && drw.epoch !== null
      ? [`${is}, which balances the classes by itself: set teacher.drw.epoch=null`]
      : []),
    ...(task?.learnsFeatures === true && learn === 'classifier'
      ? [`${is}, which learns features, but teacher.learn is "classifier": take another loss`]
      : []),
    ...(task?.wholeBatch === true && shards > 1
      ? [`${is}, which compares all images of an update, but teacher.shards is ${shards}: set teacher.shards=1`]
      : []),
    ...(sam.rho > 0 && accumulation > 1
      ? [
          `teacher.sam.rho is ${sam.rho} and teacher.accumulation is ${accumulation}, but SAM's second pass has one batch: set teacher.accumulation=1 and a larger teacher.batchSize or teacher.shards, or teacher.sam.rho=0`,
        ]
      : []),
  ];
}

function teacherMixing({ mixing, loss: { name } }: Recipe['teacher']): string[] {
  if (mixing === null) return [];
  return [
    ...(lossRegistry.get(name)?.mixedLabels === true
      ? []
      : [
          `teacher.loss.name is "${name}", which takes no mixed labels: set teacher.mixing=null, or take cross-entropy`,
        ]),
    ...(mixing.transMix
      ? ['teacher.mixing.transMix needs the attention of a transformer: set it to false for a teacher']
      : []),
  ];
}

/** The labels of a student are smoothed where they are mixed. */
function clsSmoothing({ clsLoss: { labelSmoothing = 0 } }: Recipe['student']): string[] {
  if (labelSmoothing === 0) return [];
  return [
    `student.clsLoss.labelSmoothing is ${labelSmoothing}, but a student's labels are smoothed when they are mixed: set student.labelSmoothing=${labelSmoothing}, and student.clsLoss.labelSmoothing=0`,
  ];
}

function partContradictions(name: (typeof parts)[number], { model, weights, ema }: TrainingRecipe): string[] {
  return [
    ...(model.stemChannels !== undefined && model.stemChannels !== null && (model.patchEmbed ?? 'linear') === 'linear'
      ? [
          `${name}.model.stemChannels are the channels of a convolutional stem, but ${name}.model.patchEmbed is "linear": set it to conv, or ${name}.model.stemChannels=null`,
        ]
      : []),
    ...(weights === 'ema' && ema === null
      ? [`${name}.weights is "ema" but ${name}.ema is null: set a decay, such as 0.999, or ${name}.weights=raw`]
      : []),
  ];
}

/** The error of training the teacher with a recipe that does not train its teacher. */
export function externalTeacher(): UserError {
  return new UserError(
    'RECIPE',
    `this recipe does not train its teacher (teacher.external): train the student with "${suggestedCommand('student', '--teacher', 'RUN')}", or choose a recipe that trains its own ("${suggestedCommand('recipes')}").`,
  );
}

const unusualEpochs = 5000;

/** Returns warnings about values that are allowed but probably a typing error; they are shown before a training. */
export function unusualValues(
  name: string,
  { optimizer, epochs, batchSize, accumulation, shards }: TrainingRecipe,
): string[] {
  const { name: kind, lr, lrPer, lrRule } = optimizer;
  const batch = batchSize * shards * (lrRule === 'effective' ? accumulation : 1);
  const scaled = lrPer === null ? lr : (lr * batch) / lrPer;
  return [
    ...(scaled > (optimizerRegistry.find(kind).unusualRate ?? Number.POSITIVE_INFINITY)
      ? [
          `${name}.optimizer.lr is ${lr}${lrPer === null ? '' : `, ${short(scaled)} for this batch`}: that is unusually large for ${kind}, and the loss will probably not stay finite`,
        ]
      : []),
    ...(epochs > unusualEpochs ? [`${name}.epochs is ${epochs}: that is unusually many`] : []),
  ];
}

/** Returns a warning about early stopping that no evaluation can decide before the last epoch; undefined if there is none. */
export function idleStopping(
  name: string,
  { earlyStopping, every }: Pick<Recipe['evaluation'], 'earlyStopping' | 'every'>,
  { epochs }: Pick<TrainingRecipe, 'epochs'>,
): string | undefined {
  if (earlyStopping === null || every + earlyStopping.patience < epochs) return undefined;
  return `evaluation.earlyStopping will not end the training of the ${name}: its validation accuracy is known every ${every} ${every === 1 ? 'epoch' : 'epochs'} (evaluation.every), patience is ${earlyStopping.patience}, and there are ${epochs} epochs. Set evaluation.every=1, or a smaller patience`;
}

/** The share of the epochs at which a warning suggests to begin re-weighting. */
const usualShare = 0.85;

/** Returns a warning about values of a part of the recipe that have no effect; undefined if there are none. */
export function unreachedReweighting(
  name: string,
  { drw, epochs }: Pick<TrainingRecipe, 'drw' | 'epochs'>,
): string | undefined {
  if (drw.epoch === null || drw.epoch < epochs) return undefined;
  const here = epochs === 1 ? 'there is 1 epoch' : `there are ${epochs} epochs`;
  const none = `${name}.drw.epoch is ${drw.epoch}, but ${here}: there will be no re-weighting`;
  return toEpoch(usualShare, epochs) < epochs
    ? `${none} (--set ${name}.drw.epoch=${usualShare} begins it at ${100 * usualShare} %)`
    : `${none}, for which so few are not enough`;
}

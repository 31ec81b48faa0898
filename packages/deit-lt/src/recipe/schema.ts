/**
 * The schema of a recipe: types, limits and meaning of its values, from which the checks, `--set` and the reference
 * page are made. The values and their reasons are in the recipe files (`recipes/default.yaml` of the package first).
 */
import { z } from 'zod';
import { range } from '../augment/augmentation.js';
import { augmentSchema } from '../augment/registry.js';
import { groupKinds } from '../data/groups.js';
import { samplerRegistry } from '../data/samplers/registry.js';
import type { LossEntry } from '../losses/loss-entry.js';
import { lossRegistry } from '../losses/registry.js';
import type { CommonModelOptions, ModelOptions } from '../models/model.js';
import { modelRegistry } from '../models/registry.js';
import { type OptimizerChoice, optimizerKeys } from '../optim/optimizer-entry.js';
import { optimizerRegistry } from '../optim/registry.js';
import { type ScheduleConfig, scheduleKeys } from '../optim/schedule-config.js';
import { scheduleRegistry } from '../optim/schedule-registry.js';
import { channels, count, most, natural, positive, probability, rate, side } from '../option-limits.js';
import type { Registry, RegistryEntry } from '../registry.js';
import { taskRegistry } from '../tasks/registry.js';
import { type Choice, choiceSchema } from './choice.js';

const rgb = z.tuple([z.number(), z.number(), z.number()]);

const level = z.int().min(0).max(255);

const data = z.strictObject({
  imbalance: z
    .number()
    .min(1)
    .nullable()
    .describe('makes the training set long-tailed with this ratio; null: as it is'),
  imbalanceType: z.enum(['exp', 'step']).describe('shape of the long tail that is made'),
  imbalanceSeed: natural.describe('seed of the choice of images; the published code uses 0'),
  classOrder: z
    .enum(['data', 'count'])
    .describe('how classes are numbered: as the data have them, or from the largest to the smallest'),
  groups: z.enum(groupKinds).describe('which classes are head, mid and tail'),
  validation: z
    .number()
    .min(0)
    .max(0.5)
    .describe('share of each training class that is set aside to choose the best epoch'),
  limit: count
    .nullable()
    .describe(
      'at most so many training images, of each class its share but one at least: for trying things out; null: all',
    ),
  background: z
    .tuple([level, level, level])
    .describe('what transparent images are composed on: red, green and blue, 0…255'),
});

/** A network and its options; those of the built-in ones have their types. */
export interface ModelChoice extends Choice, Partial<Omit<ModelOptions, keyof CommonModelOptions>> {}

const model = choiceSchema<ModelChoice>(
  { registries: [modelRegistry] },
  'the network: only its name, or its name with options',
);

const optimizer = choiceSchema<OptimizerChoice>(
  { registries: [optimizerRegistry], common: optimizerKeys },
  'the optimizer; a name alone, or with its options',
);

const schedule = choiceSchema<ScheduleConfig>(
  { registries: [scheduleRegistry], common: scheduleKeys },
  'the learning rate over the training; a name alone, or with its options',
);

/** A sampler and its options; those of the built-in ones have their types. */
export interface SamplerChoice extends Choice {
  readonly repeats?: number;
  readonly power?: number;
  readonly beta?: number;
}

const sampler = choiceSchema<SamplerChoice>(
  { registries: [samplerRegistry] },
  'which images an epoch has, in which order: only a name, or a name with options',
);

const learnExpected = `expected "all", "biases", "classifier", "lora:RANK", such as lora:8, with RANK from 1 to ${most.channels}, or "blocks:N", such as blocks:2, with N from 1 to ${most.depth}`;

const lastBlocks = z
  .templateLiteral(['blocks:', z.int()])
  .refine((value) => count.max(most.depth).safeParse(Number(value.slice('blocks:'.length))).success, {
    error: learnExpected,
  });

const lora = z
  .templateLiteral(['lora:', z.int()])
  .refine((value) => channels.safeParse(Number(value.slice('lora:'.length))).success, { error: learnExpected });

const drw = z.strictObject({
  epoch: z
    .number()
    .nonnegative()
    .nullable()
    .describe('first epoch (from 0) of deferred re-weighting, below 1 a share of the epochs; null: never'),
  beta: z.number().min(0).lt(1).describe('effective number of samples: (1 − β)/(1 − βⁿ)'),
});

const shared = {
  model,
  imageSize: side.describe('side of the input in pixels'),
  evalSize: side
    .nullable()
    .describe('the same at evaluation and prediction, for networks that take any size; null: imageSize'),
  mean: rgb.describe('per channel, of values 0…1'),
  std: z.tuple([positive, positive, positive]).describe('per channel, of values 0…1'),
  filter: z.enum(['nearest', 'bilinear', 'bicubic']).describe('how images are resized'),
  epochs: count.max(most.epochs),
  timeLimit: positive
    .nullable()
    .describe(
      'seconds that the training may take, evaluations on the way included: if the epochs do not fit, there are fewer, and the schedules end with the last; null: any',
    ),
  batchSize: count.max(most.batch),
  accumulation: count.max(most.batch).describe('batches per update'),
  shards: count
    .max(most.depth)
    .describe(
      'batches of batchSize side by side, each with its own images, draws and batch-norm statistics: what several processes or cards train on',
    ),
  syncBatchNorm: z
    .boolean()
    .describe(
      'batch norm takes the statistics of all shards (SyncBatchNorm); each shard then needs a process of its own',
    ),
  dropLast: z.boolean().describe('leaves out the last batch of an epoch when it is not full'),
  sampler,
  optimizer,
  schedule,
  drw,
  ema: z.number().min(0).lt(1).nullable().describe('decay of the averaged weights; null: none are kept'),
  emaDevice: z
    .enum(['same', 'cpu'])
    .describe("where the averaged weights are: on the model's device, or in main memory"),
  emaStepping: z.enum(['update', 'batch']).describe('when they are averaged; batch: also between accumulated batches'),
  weights: z.enum(['raw', 'ema']).describe('which weights are the result: as trained, or averaged'),
  from: z
    .string()
    .min(1)
    .nullable()
    .describe(
      'initial weights: a run folder, a checkpoint, weights of timm or torchvision, or the name of cached ones; --from has priority; null: random ones',
    ),
  learn: z
    .union([z.enum(['all', 'biases', 'classifier']), lastBlocks, lora], {
      error: learnExpected,
    })
    .describe(
      'parameters that are trained; blocks:N: the last N blocks and the classifier; biases: all biases and the classifier (BitFit); lora:RANK: low-rank matrices beside the layers of transformer blocks, and the classifier (LoRA); classifier: it alone, initialised again (cRT); the frozen weights are those that from, or --from, names',
    ),
  layerDecay: z
    .number()
    .positive()
    .max(1)
    .nullable()
    .describe(
      'factor of the learning rate from each block to the one before it, as in timm, for pretrained weights (0.65 to 0.9); null: none',
    ),
  logGradNorm: z
    .boolean()
    .describe(
      'the norm of all gradients, before a limit, goes to metrics.jsonl; it does so anyway when there is a limit',
    ),
  augment: augmentSchema,
};

/** Re-weighting of a loss: with deferred re-weighting, in every epoch, or in none. */
const reweight = z.enum(['drw', 'always', 'never']);

const mixing = z.strictObject({
  mixup: z.number().nonnegative().describe('α of Mixup; 0: none'),
  cutmix: z.number().nonnegative().describe('α of CutMix; 0: none'),
  cutmixMinMax: z
    .tuple([probability, probability])
    .refine(([low, high]) => low < high, { error: 'expected [low, high] with low below high' })
    .nullable()
    .describe("CutMix: sides of the box as shares of the image's, in place of α; null: by α"),
  mode: z
    .enum(['batch', 'pair', 'elem'])
    .describe('one draw for a batch, for two images that are mixed, or for each image'),
  probability: probability.describe('share of the batches (pairs, images) that are mixed'),
  switchProbability: probability.describe('share of CutMix when both are on'),
  correctLambda: z.boolean().describe('CutMix: the labels follow the box as the border clips it'),
  transMix: z.boolean().describe('CutMix: the labels follow also what CLS attends to in the last block (TransMix)'),
  untilEpoch: z
    .number()
    .nonnegative()
    .nullable()
    .describe('first epoch (from 0) without mixing, below 1 a share of the epochs; null: to the end'),
  inDrw: z.boolean().describe('also mixes after deferred re-weighting began'),
});

/** The registries that `teacher.loss` chooses from. */
const teacherLosses: readonly Registry[] = [lossRegistry, taskRegistry];

/** CLS learns from mixed and smoothed labels. */
function labelsAlone(entry: RegistryEntry): string | undefined {
  if ((entry as LossEntry).mixedLabels === true) return undefined;
  return `the loss "${entry.name}" accepts only labels, and CLS learns from mixed ones`;
}

const teacher = z.strictObject({
  external: z
    .boolean()
    .describe(
      'it comes from elsewhere: the recipe is for "deit-lt student --teacher", and its teacher cannot be trained',
    ),
  ...shared,
  loss: choiceSchema(
    { registries: teacherLosses },
    'the loss or task of the training: only its name, or its name with options',
  ),
  mixing: mixing
    .nullable()
    .describe('of images and labels, as for the student; with losses that take mixed labels; null: none'),
  sam: z.strictObject({
    rho: rate.describe('radius of the neighbourhood; 0: no SAM'),
    adaptive: z.boolean(),
    schedule: z.enum(['none', 'linear', 'step']).describe('of the radius; linear: from minRho to rho; step: by steps'),
    minRho: z.number().nonnegative().describe('linear: in the first epoch'),
    steps: z
      .array(z.tuple([natural, z.number().nonnegative()]))
      .min(1)
      .describe('step: [epoch from 0, radius from then on]'),
    halfPrecision: z.boolean().describe('linear: rounds the radius to half precision, as published'),
    freezeStatistics: z
      .boolean()
      .describe('batch-norm statistics stay in the second pass; the published code updates them twice'),
  }),
});

const multiCrop = z.strictObject({
  global: count.max(100).default(2).describe('views of imageSize'),
  local: natural.max(100).default(8).describe('views of localSize'),
  globalScale: range(0.001, 1).default([0.4, 1]).describe("share of the image's area in a global view, [low, high]"),
  localSize: side.default(96).describe('side of a local view in pixels'),
  localScale: range(0.001, 1).default([0.05, 0.4]).describe("share of the image's area in a local view, [low, high]"),
  teacherViews: z
    .enum(['global', 'all'])
    .default('global')
    .describe('views on which the teacher is evaluated; DIST is trained only on these'),
});

const student = z.strictObject({
  ...shared,
  distillation: z.strictObject({
    type: z.enum(['none', 'soft', 'hard']),
    alpha: probability.describe('share of the DIST loss'),
    temperature: positive.describe('soft only'),
    teacherInput: z
      .enum(['own', 'same-size', 'published'])
      .describe(
        "own: normalised and resized for the teacher; same-size: only normalised; published: the student's batch, shrunk without antialiasing",
      ),
    reweight: reweight.describe('when the DIST loss is weighted by class'),
    logitAdjustment: z
      .number()
      .nonnegative()
      .max(10)
      .describe(
        "τ: DIST learns with τ · log(its class's share of the training images) added to each logit, as by the loss logit-adjustment; 1: it aims at the balanced error, 0: not",
      ),
    softWeights: z
      .enum(['probabilities', 'published'])
      .describe("soft, weighted: what of the teacher's is weighted; published: the logarithms"),
    mapTargets: z
      .enum(['names', 'count', 'none'])
      .describe(
        "which class of the teacher is which of the data's: by name; count: the teacher's are numbered from the largest to the smallest; none: by number",
      ),
    teacherAugment: augmentSchema
      .nullable()
      .describe("what the teacher sees of an image, with its own normalisation; null: the student's images"),
  }),
  multiCrop: multiCrop.nullable().describe('several views of each image in a batch; null: one'),
  clsLoss: choiceSchema(
    { registries: [lossRegistry], refuses: labelsAlone },
    'the loss of CLS on the true labels: only its name, or its name with options',
  ),
  clsReweight: reweight.describe('when the CLS loss is weighted by class'),
  labelSmoothing: probability,
  mixing,
});

const earlyStopping = z.strictObject({
  patience: count
    .max(most.epochs)
    .default(10)
    .describe(
      'epochs without a rise after which the training ends; re-weighted ones, if the training has such; seen every evaluation.every epochs',
    ),
  minDelta: z.number().min(0).max(100).default(0).describe('points of accuracy that a rise must exceed'),
});

const evaluation = z.strictObject({
  every: count.describe('epochs between evaluations; the last epoch always has one'),
  batchSize: count.max(most.batch),
  select: z
    .enum(['validation', 'test', 'last'])
    .describe('how the best epoch is chosen; test is the published protocol and reports a too good figure'),
  earlyStopping: earlyStopping
    .nullable()
    .describe(
      'ends a training whose mean of the class accuracies on the validation images does not rise any more; only with select=validation; null: all epochs are trained',
    ),
});

export const recipeSchema = z.strictObject({
  description: z.string(),
  seed: natural,
  device: z.string().describe('auto, cpu, cuda, cuda:1'),
  precision: z
    .enum(['auto', 'float32', 'bfloat16', 'float16'])
    .describe(
      'auto: bfloat16 where the processor or the card multiplies it in hardware, else float32; float16: with scaled losses, for cards before Ampere',
    ),
  tf32: z
    .enum(['none', 'convolutions', 'all'])
    .describe('what a card computes of float32 in TF32, which has 10 bits of fraction; all: also products of matrices'),
  cudnnBenchmark: z
    .boolean()
    .describe(
      'a card tries the algorithms of each convolution and keeps the fastest; runs then differ in their last bits',
    ),
  cudaGraphs: z
    .union([z.literal('auto'), z.boolean()], { error: 'expected auto, true or false' })
    .describe(
      'a card captures the forward and backward passes of full batches and replays them; auto: where that is possible; true: fails where it is not',
    ),
  data,
  teacher,
  student,
  evaluation,
});

export type Recipe = z.infer<typeof recipeSchema>;
export type TeacherRecipe = Recipe['teacher'];
export type StudentRecipe = Recipe['student'];
/** The values that teacher and student have in common. */
export type TrainingRecipe = Pick<TeacherRecipe, keyof typeof shared>;

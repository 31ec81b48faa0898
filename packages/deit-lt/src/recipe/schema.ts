/**
 * What a recipe may say. Values and their reasons stand in the recipe files (`recipes/default.yaml` first); here
 * are only their types, limits and meaning, from which the checks, `--set` and the reference page are made.
 */
import { z } from 'zod';
import { augmentSchema } from '../augment/registry.js';
import { groupKinds } from '../data/groups.js';
import { samplerNames } from '../data/sampler.js';

const probability = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.int().positive();
const natural = z.int().nonnegative();
const rgb = z.tuple([z.number(), z.number(), z.number()]);

const data = z.strictObject({
  imbalance: z
    .number()
    .min(1)
    .nullable()
    .describe('makes the training set long-tailed with this ratio; null: as it is'),
  imbalanceType: z.enum(['exp', 'step']).describe('shape of the long tail that is made'),
  imbalanceSeed: natural.describe('seed of the choice of images; the published code uses 0'),
  groups: z.enum(groupKinds).describe('which classes are head, mid and tail'),
  validation: z
    .number()
    .min(0)
    .max(0.5)
    .describe('share of each training class that is kept aside to choose the best epoch'),
});

const model = z
  .strictObject({
    name: z.string().describe('a model of the registry'),
    patchSize: count.optional(),
    embedDim: count.optional(),
    depth: count.optional(),
    numHeads: count.optional(),
    mlpRatio: positive.optional(),
    dropRate: probability.optional(),
    attnDropRate: probability.optional(),
    dropPathRate: probability.optional().describe('drop path of the last block; linear over depth'),
    cosine: z.boolean().optional().describe('ResNet: classifier with normalised features and weights'),
  })
  .describe('the network');

const optimizer = z.strictObject({
  name: z.enum(['sgd', 'adamw', 'lamb']),
  lr: positive.describe('learning rate; for a reference batch when lrPer is set'),
  lrPer: count
    .nullable()
    .describe('batch that lr is for: it is scaled by (effective batch)/lrPer; null: used as it is'),
  lrRule: z
    .enum(['effective', 'published'])
    .describe('effective: batch × accumulation × ranks; published: batch × ranks, without accumulation'),
  weightDecay: z.number().nonnegative(),
  momentum: probability.optional().describe('SGD only'),
  nesterov: z.boolean().optional().describe('SGD only'),
  betas: z.tuple([probability, probability]).optional().describe('AdamW and LAMB only'),
  clipGradNorm: positive.nullable().describe('largest norm of all gradients; null: no limit'),
});

const schedule = z.strictObject({
  name: z.enum(['cosine', 'step', 'one-cycle', 'constant']),
  warmupEpochs: z.number().nonnegative().describe('below 1 a share of the epochs'),
  warmupLr: z.number().nonnegative().describe('learning rate at the beginning of the warm-up'),
  minLr: z.number().nonnegative().describe('cosine and one-cycle: at the end'),
  cooldownEpochs: natural.describe('cosine: epochs at minLr after the last'),
  milestones: z
    .array(z.number().nonnegative())
    .describe('step: after these epochs (below 1: shares) the factors apply'),
  factors: z.array(positive).describe('step: of the base learning rate, one for each milestone'),
  stepping: z
    .enum(['update', 'epoch', 'published'])
    .describe('when it changes: with every update, with every epoch, or as the published code does'),
});

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
  imageSize: count.describe('side of the input in pixels'),
  evalSize: count
    .nullable()
    .describe('the same at evaluation and prediction, for networks that take any size; null: imageSize'),
  mean: rgb.describe('per channel, of values 0…1'),
  std: rgb,
  filter: z.enum(['nearest', 'bilinear', 'bicubic']).describe('how images are resized'),
  epochs: count,
  batchSize: count,
  accumulation: count.describe('batches per update'),
  sampler: z.enum(samplerNames),
  repeats: count.describe('repeated augmentation: how often an image comes in an epoch'),
  optimizer,
  schedule,
  drw,
  ema: z.number().min(0).lt(1).nullable().describe('decay of the averaged weights; null: none are kept'),
  weights: z.enum(['raw', 'ema']).describe('which weights are the result: as trained, or averaged'),
  augment: augmentSchema,
};

const teacher = z.strictObject({
  ...shared,
  loss: z.strictObject({
    name: z.enum(['ldam', 'cross-entropy', 'focal', 'vs', 'balanced-softmax', 'logit-adjustment']),
    maxMargin: positive.optional().describe('LDAM: margin of the rarest class'),
    scale: positive.optional().describe('LDAM: factor of the cosines'),
    gamma: z.number().nonnegative().optional().describe('focal and VS'),
    tau: z.number().nonnegative().optional().describe('logit adjustment and VS'),
  }),
  sam: z.strictObject({
    rho: z.number().nonnegative().describe('radius of the neighbourhood; 0: no SAM'),
    adaptive: z.boolean(),
    schedule: z
      .enum(['none', 'linear', 'step'])
      .describe('of the radius; linear: up to rho; step: the published radii'),
    freezeStatistics: z
      .boolean()
      .describe('batch-norm statistics stay in the second pass; the published code updates them twice'),
  }),
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
  }),
  clsLoss: z
    .enum(['cross-entropy', 'balanced-softmax', 'logit-adjustment'])
    .describe('what CLS learns from the true labels'),
  clsTau: z.number().nonnegative().describe('logit adjustment: strength'),
  labelSmoothing: probability,
  mixing: z.strictObject({
    mixup: z.number().nonnegative().describe('α of Mixup; 0: none'),
    cutmix: z.number().nonnegative().describe('α of CutMix; 0: none'),
    probability: probability.describe('share of the batches that are mixed'),
    switchProbability: probability.describe('share of CutMix when both are on'),
    inDrw: z.boolean().describe('goes on after deferred re-weighting began'),
  }),
});

const evaluation = z.strictObject({
  every: count.describe('epochs between evaluations; the last epoch always has one'),
  batchSize: count,
  select: z
    .enum(['validation', 'test', 'last'])
    .describe('how the best epoch is chosen; test is the published protocol and reports a too good figure'),
});

export const recipeSchema = z.strictObject({
  description: z.string(),
  seed: natural,
  device: z.string().describe('auto, cpu, cuda, cuda:1'),
  precision: z
    .enum(['auto', 'float32', 'bfloat16'])
    .describe('auto: bfloat16 where the processor multiplies it in hardware'),
  data,
  teacher,
  student,
  evaluation,
});

export type Recipe = z.infer<typeof recipeSchema>;
export type TeacherRecipe = Recipe['teacher'];
export type StudentRecipe = Recipe['student'];
/** What teacher and student have in common. */
export type TrainingRecipe = Pick<TeacherRecipe, keyof typeof shared>;

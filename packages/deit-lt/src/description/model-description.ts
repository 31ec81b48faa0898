/**
 * The description of a model in its file, beside the weights. Every exporter writes this one description in its
 * format's own place, and every importer reads it; files of other programs contain parts of it (`ModelFacts`).
 */
import { z } from 'zod';
import { resizedSide } from '../augment/evaluation-input.js';
import { groupNames } from '../data/groups.js';
import { UserError } from '../errors.js';
import { AirbenchPatchEmbed } from '../models/airbench-patch-embed.js';
import { ConvPatchEmbed } from '../models/conv-patch-embed.js';
import type { ImageModel } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import { isValues } from '../recipe/merge.js';
import { recipeSchema, type TrainingRecipe } from '../recipe/schema.js';
import { plainName } from '../tasks/model-of.js';
import { type AppliedAdaptation, appliedAdaptation } from './applied-adaptation.js';

const { student, data } = recipeSchema.shape;
const { background } = data.shape;
const { model, imageSize, evalSize, mean, std, filter } = student.shape;
const natural = z.int().nonnegative();

const format = 'deit-lt model 1';

/** Keys that a later version adds are left out; a value that this version does not know is an error. */
export const modelDescriptionSchema = z
  .object({
    format: z.literal(format),
    kind: z.enum(['teacher', 'student', 'vit']),
    architecture: model.describe('name and options of the network, as a recipe has them'),
    classNames: z.array(z.string()).min(1).describe('in the order of the outputs'),
    namesKnown: z.boolean().describe('false: the names are only numbers'),
    imageSize,
    evalSize,
    resizeTo: z
      .int()
      .positive()
      .nullable()
      .describe('the shorter side is resized to it and the middle is cropped; null: the whole image is resized'),
    background,
    mean,
    std,
    filter,
    logitScale: z.number().positive().describe('factor of the logits before the softmax'),
    precision: recipeSchema.shape.precision,
    epoch: natural.nullable().describe('from 0; null: not known'),
    trainCounts: z.array(natural).describe('training images per class; zeros: not known'),
    groups: z.array(z.enum(groupNames)),
    outputs: z.array(z.string()).describe('logits is the prediction; logits_cls and logits_dist are the experts'),
    adaptation: appliedAdaptation
      .exactOptional()
      .describe('applied to the logits in this file; its thresholds and limits are for the reader to apply'),
  })
  .refine(
    ({ classNames, trainCounts, groups }) => [trainCounts, groups].every((each) => each.length === classNames.length),
    {
      error: 'expected as many trainCounts and groups as classNames',
    },
  );

export type ModelDescription = z.infer<typeof modelDescriptionSchema>;

/** The values in a file of this program or another; undefined if the file does not have them. */
export interface ModelFacts {
  /** All of it: the other facts are then of no use. */
  readonly description?: ModelDescription;
  /** Epoch, from 0, after which it was written. */
  readonly epoch?: number;
  /** Training images per class. */
  readonly trainCounts?: readonly number[];
  /** Side of the input in pixels. */
  readonly inputSize?: number;
  readonly classNames?: readonly string[];
  /** Heads of a transformer. */
  readonly numHeads?: number;
  readonly mean?: TrainingRecipe['mean'];
  readonly std?: TrainingRecipe['std'];
  readonly filter?: TrainingRecipe['filter'];
  /** Properties of the file that are ignored, one line each. */
  readonly notes?: readonly string[];
}

/** The properties that are described; a `Classifier` has them. */
export interface Describable extends Pick<ModelDescription, 'kind' | 'namesKnown' | 'precision' | 'epoch'> {
  readonly logitScale: number;
  readonly background: Readonly<ModelDescription['background']>;
  readonly model: ImageModel;
  readonly recipe: Pick<TrainingRecipe, 'model' | 'imageSize' | 'evalSize' | 'mean' | 'std' | 'filter'>;
  readonly classNames: readonly string[];
  readonly trainCounts: readonly number[];
  readonly groups: readonly ModelDescription['groups'][number][];
  /** The adaptation of the logits that are described. */
  readonly adaptation?: AppliedAdaptation;
}

/** The description of a model of ours. */
export function describeModel(described: Describable): ModelDescription {
  const { kind, recipe, model: network, classNames, namesKnown, trainCounts, groups } = described;
  const { imageSize: size, evalSize: evaluated, mean: means, std: deviations, filter: resampling } = recipe;
  const experts = network instanceof VisionTransformer && network.distilled;
  return {
    format,
    kind,
    architecture: architectureOf(described),
    classNames: [...classNames],
    namesKnown,
    imageSize: size,
    evalSize: evaluated,
    resizeTo: resizedSide(evaluated ?? size),
    background: [...described.background],
    mean: [...means],
    std: [...deviations],
    filter: resampling,
    logitScale: described.logitScale,
    precision: described.precision,
    epoch: described.epoch,
    trainCounts: [...trainCounts],
    groups: [...groups],
    outputs: experts ? ['logits', 'logits_cls', 'logits_dist'] : ['logits'],
    ...(described.adaptation && { adaptation: appliedAdaptation.parse(described.adaptation) }),
  };
}

/** Returns the architecture with the values that the recipe leaves to defaults, which may differ in another version. */
function architectureOf({ kind, recipe, model: network }: Describable): ModelDescription['architecture'] {
  const { name, ...options } = recipe.model;
  const plain = kind === 'vit' ? plainName(name) : name;
  const isFree = ['deit', 'vit'].includes(plain) && network instanceof VisionTransformer;
  return { name: plain, ...options, ...(isFree && sizesOf(network)), ...stemOf(network) };
}

function stemOf(network: ImageModel): Partial<ModelDescription['architecture']> {
  if (!(network instanceof VisionTransformer)) return {};
  const { patchEmbed } = network;
  if (patchEmbed instanceof ConvPatchEmbed) return { patchEmbed: 'conv', stemChannels: patchEmbed.channels() };
  if (patchEmbed instanceof AirbenchPatchEmbed) return { patchEmbed: 'airbench', stemChannels: patchEmbed.channels() };
  return {};
}

function sizesOf({ patchEmbed, embedDim, blocks }: VisionTransformer): Partial<ModelDescription['architecture']> {
  const [block] = [...blocks];
  const mlpRatio = block!.mlp.fc1.outFeatures / embedDim;
  return { patchSize: patchEmbed.patchSize, embedDim, depth: blocks.length, numHeads: block!.attn.numHeads, mlpRatio };
}

/**
 * `value` as a description. Throws UserError CHECKPOINT that begins with `where`, for what is none and for one that
 * this version cannot follow.
 */
export function parseDescription(value: unknown, where: string): ModelDescription {
  const result = modelDescriptionSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const key = issue!.path.join('.');
    throw refused(where, `${key === '' ? '' : `${key}: `}${issue!.message}${formatOf(value)}`);
  }
  const description = result.data;
  const ours = resizedSide(description.evalSize ?? description.imageSize);
  if (description.resizeTo !== ours)
    throw refused(
      where,
      `images are resized to ${description.resizeTo} before the crop, where this version has ${ours}`,
    );
  return description;
}

function formatOf(value: unknown): string {
  if (!isValues(value) || value.format === format) return '';
  return `; its format is ${JSON.stringify(value.format)}, this version reads "${format}"`;
}

function refused(where: string, why: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${where}: the description of the model (deit_lt) cannot be used: ${why}. Export the model again, or read it with the version of deit-lt that wrote it.`,
  );
}

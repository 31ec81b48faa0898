/**
 * All augmentations by the name that a recipe uses, and pipelines made from them. A new augmentation is a file that
 * declares it and a line here.
 */
import { z } from 'zod';
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { Registry } from '../registry.js';
import { augMix } from './aug-mix.js';
import type { Augmentation, AugmentationKind, PipelineContext, WindowChange } from './augmentation.js';
import { type AugmentationEntry, checkedEntry } from './augmentation-entry.js';
import { autoAugment } from './auto-augment.js';
import { centerCrop } from './center-crop.js';
import { colorJitter } from './color-jitter.js';
import { cutout } from './cutout.js';
import { flip, verticalFlip } from './flip.js';
import { normalize } from './normalize.js';
import { padCrop } from './pad-crop.js';
import { expandPreset, type PresetName, presetNames } from './presets.js';
import { randAugment } from './rand-augment.js';
import { randomAffine } from './random-affine.js';
import { randomErasing } from './random-erasing.js';
import { randomGaussianBlur, randomGrayscale, randomPosterize, randomSolarize } from './random-op.js';
import { randomResizedCrop } from './random-resized-crop.js';
import { simpleRandomCrop } from './simple-random-crop.js';
import { threeAugment } from './three-augment.js';
import type { BatchTransform, Pipeline, WindowSampler } from './transform.js';
import { wholeImage } from './whole-image.js';

/** Augmentations of source images and of levels 0…255, in the order in which they are applied. */
const beforeNormalize = {
  randomResizedCrop,
  simpleRandomCrop,
  padCrop,
  centerCrop,
  wholeImage,
  flip,
  verticalFlip,
  randAugment,
  autoAugment,
  augMix,
  randomAffine,
  threeAugment,
  colorJitter,
  grayscale: randomGrayscale,
  gaussianBlur: randomGaussianBlur,
  solarize: randomSolarize,
  posterize: randomPosterize,
  cutout,
};

/** Augmentations of normalised images, in the order in which they are applied. */
const afterNormalize = { randomErasing };

/** Every augmentation by its name in recipes. */
export const augmentations = { ...beforeNormalize, ...afterNormalize };

/** Those that choose the part of the image, registered ones too; a pipeline has one. */
export const windowNames: string[] = [];

const registry = new Registry<AugmentationEntry>('augmentation');

for (const [name, entry] of Object.entries(augmentations))
  add({
    name,
    ...(entry as AnyAugmentation),
    ...(name in afterNormalize && { normalized: true }),
  } as AugmentationEntry);

function add(entry: AugmentationEntry): void {
  registry.add(entry);
  if (entry.kind === 'window') windowNames.push(entry.name);
}

/**
 * Adds an augmentation, so that recipes can name it in every `augment` block. It comes after those that are built in. Throws
 * `UserError` (PLUGIN) for an entry that lacks something, and for a name that is taken.
 */
export function registerAugmentation<K extends AugmentationKind, O extends z.ZodObject>(
  entry: AugmentationEntry<K, O>,
): void {
  add(checkedEntry(entry as unknown as AugmentationEntry));
}

export type AugmentationName = keyof typeof augmentations;
type OptionsOf<N extends AugmentationName> = (typeof augmentations)[N]['options'];

/**
 * The value in a recipe: options, true for the defaults, or false (or nothing) for none; and a preset to start from.
 */
export type AugmentConfig = { [N in AugmentationName]?: z.input<OptionsOf<N>> | boolean | undefined } & {
  preset?: PresetName | undefined;
};

/** The same with every default filled in. */
export type ResolvedAugmentConfig = { [N in AugmentationName]?: z.output<OptionsOf<N>> | false | undefined };

/** `true` becomes the defaults, `false` stays; issues of options keep their own path and code. */
function entrySchema(options: z.ZodObject): z.ZodType {
  const keys = Object.keys(options.shape);
  const allowed = keys.length > 0 ? `true, false or its options (${keys.join(', ')})` : 'true or false';
  const resolve = (value: unknown, context: z.RefinementCtx): unknown => {
    if (value === false || value === undefined) return value;
    const given = value === true ? {} : value;
    const isRecord = typeof given === 'object' && given !== null && !Array.isArray(given);
    const result = isRecord ? options.safeParse(given) : undefined;
    if (result?.success) return result.data;
    const issues = result?.error.issues ?? [{ code: 'custom', message: `expected ${allowed}`, path: [] } as const];
    for (const issue of issues) context.issues.push({ ...stopping(issue, keys), input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  };
  return z.preprocess(resolve, z.union([z.literal(false), options])).optional();
}

/** Zod does not stop a pipe at unknown keys, and its union would forget them: as issues of our own they stop it. */
function stopping(issue: z.core.$ZodIssue, keys: readonly string[]): object {
  if (issue.code !== 'unrecognized_keys') return issue;
  return { code: 'custom', message: explainUnknown(issue.keys, keys), path: issue.path };
}

/** A preset becomes its entries; one that is not known stays, and is what the schema complains of. */
function withoutPreset(values: unknown): unknown {
  const isRecord = typeof values === 'object' && values !== null;
  return (isRecord && expandPreset(values as Record<string, unknown>)) || values;
}

/** The keys of an `augment` block, those of plugins included. */
export function augmentShape(): Record<string, z.ZodType> {
  const entries = registry.names().map((name) => [name, schemaOf(registry.find(name))]);
  return {
    preset: z.enum(presetNames).optional().describe('a style whose entries the others change'),
    ...(Object.fromEntries(entries) as Record<string, z.ZodType>),
  };
}

const schemas = new Map<AugmentationEntry, z.ZodType>();

function schemaOf(entry: AugmentationEntry): z.ZodType {
  const schema = schemas.get(entry) ?? entrySchema(entry.options);
  schemas.set(entry, schema);
  return schema;
}

/** The output of `augmentSchema` and its copies, by which `recipe/keys.ts` finds them: their keys are those of `augmentShape()`. */
export const augmentValues = z.unknown();

function resolveBlock(value: unknown, context: z.RefinementCtx): unknown {
  const result = z.strictObject(augmentShape()).safeParse(withoutPreset(value));
  if (result.success) return result.data;
  for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  return z.NEVER;
}

/**
 * The `augment` block of a recipe: each augmentation by name, its options, `true` or `false`. Resolves presets and
 * defaults.
 */
export const augmentSchema = z
  .preprocess(resolveBlock, augmentValues)
  .describe('what is done to the images: options, true (defaults) or false for each') as unknown as z.ZodType<
  ResolvedAugmentConfig,
  AugmentConfig
>;

/** Fills in the defaults. Throws `UserError` (`RECIPE`) for names and values that are not allowed. */
export function resolveAugment(config: AugmentConfig): ResolvedAugmentConfig {
  const result = augmentSchema.safeParse(config);
  if (result.success) return result.data;
  throw wrongEntries(result.error.issues.map(explainIssue));
}

function wrongEntries([first = '', ...lines]: readonly string[]): UserError {
  return new UserError('RECIPE', first, { lines });
}

function explainIssue(issue: z.core.$ZodIssue): string {
  const path = ['augment', ...issue.path].join('.');
  const unknown = issue.code === 'unrecognized_keys';
  return `${path}: ${unknown ? explainUnknown(issue.keys, Object.keys(augmentShape())) : issue.message}`;
}

function explainUnknown(unknown: readonly string[], known: readonly string[]): string {
  return unknown.map((key) => `there is no "${key}"; ${suggest(key, known)}`).join('; ');
}

/** An entry whose options were checked by its own schema. */
type AnyAugmentation = { [K in AugmentationKind]: Augmentation<K, z.ZodObject> }[AugmentationKind];

/** The entries that `config` turns on, in the registry's order. */
function chosen(config: ResolvedAugmentConfig): { entry: AugmentationEntry; options: Record<string, unknown> }[] {
  return registry.names().flatMap((name) => {
    const options = config[name as AugmentationName];
    return options === undefined || options === false ? [] : [{ entry: registry.find(name), options }];
  });
}

/**
 * The pipeline of the augmentations in `config`: one that chooses a window, its changes, then the others in the
 * registry's order, with the normalisation where it belongs. Throws `UserError` (`RECIPE`) for unknown names, values that
 * are not allowed, and when not exactly one augmentation chooses the window.
 */
export function buildPipeline(config: AugmentConfig, context: PipelineContext): Pipeline {
  const resolved = resolveAugment(config);
  const changes: WindowChange[] = [];
  const windows: [string, WindowSampler][] = [];
  const [before, after]: [BatchTransform[], BatchTransform[]] = [[], []];
  for (const { entry, options } of chosen(resolved)) {
    const made = (entry as AnyAugmentation).create(options, context);
    if (entry.kind === 'window') windows.push([entry.name, made as WindowSampler]);
    else if (entry.kind === 'window-change') changes.push(made as WindowChange);
    else (entry.normalized === true ? after : before).push(made as BatchTransform);
  }
  const transforms = [...before, normalize(context), ...after];
  const sample = onlyWindow(windows);
  const window: WindowSampler = (width, height, random) =>
    changes.reduce((drawn, change) => change(drawn, random), sample(width, height, random));
  return { size: context.size, filter: context.filter, window, transforms };
}

function onlyWindow(windows: readonly [string, WindowSampler][]): WindowSampler {
  const [first, ...others] = windows;
  if (first !== undefined && others.length === 0) return first[1];
  const found = first === undefined ? 'none is on' : `${windows.map(([name]) => name).join(' and ')} are on`;
  throw new UserError(
    'RECIPE',
    `augment: exactly one of ${windowNames.join(', ')} must choose the part of the image; ${found}`,
  );
}

/** The pipeline that evaluates: the middle of the image, normalised. */
export function evaluationPipeline(context: PipelineContext): Pipeline {
  return buildPipeline({ centerCrop: true }, context);
}

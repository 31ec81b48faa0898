/** A checkpoint that another program (or our export) wrote, as if a run of ours had: which network, what recipe it is used by, its weights. */
import { groupsOf } from '../data/groups.js';
import { namesIn } from '../description/formats.js';
import type { ModelDescription } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { isOnnx, noNetwork } from '../onnx/onnx-files.js';
import { listed } from '../published/checkpoint-layout.js';
import type { RecognisedModel } from '../published/family.js';
import { describedModel, type MappedWeights, mapWeights, recognise } from '../published/recognise.js';
import { openWeights, type WeightSource } from '../published/weight-source.js';
import { checkRecipe, loadRecipe } from '../recipe/load.js';
import { isValues, type Values } from '../recipe/merge.js';
import type { Recipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { RunConfig } from '../runs/run-folder.js';
import { assumptions, sizesIn } from './assumptions.js';
import { requireAgreement } from './said-settings.js';

export interface ForeignOptions {
  /** Averaged weights or those as trained, where the file has both. Default `raw`. */
  readonly weights?: 'ema' | 'raw' | undefined;
  /** `teacher.mean=[0.5, 0.5, 0.5]` and the like: what the file does not say. */
  readonly settings?: readonly string[] | undefined;
}

/** Weights in the form that `readWeights` returns. */
export interface ForeignWeights {
  readonly config: RunConfig;
  /** After which it was written, from 0; null when the file does not say. */
  readonly epoch: number | null;
  readonly model: RecognisedModel;
  /** Assumptions, one line each. */
  readonly notes: readonly string[];
  /** The weights by our names, and the names of those left out; the open scope owns them. Throws UserError CHECKPOINT. */
  read(): MappedWeights;
}

/**
 * Opens a checkpoint in PyTorch's format or safetensors and gives what `use` makes of it. Throws UserError CHECKPOINT for
 * a file that cannot be read or is of no network that is known here, and RECIPE for a setting that does not fit, or says
 * something else than the file.
 */
export async function withForeignWeights<R>(
  file: string,
  { weights, settings = [] }: ForeignOptions,
  use: (weights: ForeignWeights) => R,
): Promise<R> {
  if (isOnnx(file)) throw noNetwork(file);
  using source = await openWeights(file, { weights });
  const { facts } = source;
  requireAgreement(settings, facts, file);
  const read = (model: RecognisedModel) => () => mapWeights(source, model);
  if (facts.description !== undefined) {
    const model = describedModel(source, facts.description);
    const config = describedConfig(facts.description, settings, file);
    return use({ config, model, notes: [], epoch: facts.description.epoch, read: read(model) });
  }
  const sizes = sizesIn(settings);
  const model = recognise(source, { ...sizes, numHeads: sizes.numHeads ?? facts.numHeads });
  const config = configOf(source, model, settings);
  const notes = assumptions(source, model, settings, config);
  return use({ config, model, notes, epoch: facts.epoch ?? null, read: read(model) });
}

/** A configuration without a training: fields that only a training knows are empty. */
function bareConfig(
  given: Pick<RunConfig, 'kind' | 'recipe' | 'logitScale'> & { data: Omit<RunConfig['data'], 'fingerprint'> },
): RunConfig {
  return {
    ...given,
    format: 'deit-lt run 1',
    data: { ...given.data, fingerprint: '' },
    teacher: null,
    teacherSha256: null,
    command: [],
    environment: {},
    started: '',
  };
}

function describedConfig(description: ModelDescription, settings: readonly string[], file: string): RunConfig {
  const { kind, classNames, namesKnown, trainCounts, groups, logitScale } = description;
  const data = { name: file, classNames, ...(!namesKnown && { namesUnknown: true }), trainCounts, groups };
  return bareConfig({ kind, recipe: describedRecipe(description, settings, file), logitScale, data });
}

/** The values of the description; the other values are unused defaults. */
function describedRecipe(described: ModelDescription, settings: readonly string[], file: string): Recipe {
  const { kind, architecture: model, imageSize, evalSize, mean, std, filter, precision } = described;
  const base = loadRecipe('default');
  const seen = { model, imageSize, evalSize, mean, std, filter };
  const values = withPart(base, kind, seen, described.logitScale);
  const said: Values = {
    ...values,
    data: { ...base.data, background: described.background },
    precision,
    description: `input of ${file}`,
  };
  return checkRecipe(withoutKnownHeads(applySettings(said, settings), model), file);
}

function withPart(base: Recipe, kind: RunConfig['kind'], seen: Values, scale?: number): Values {
  if (kind !== 'teacher') return { ...base, student: { ...base.student, ...seen, ema: null, weights: 'raw' } };
  const cosine = isValues(seen.model) && seen.model.cosine === true;
  const loss = cosine ? { name: 'ldam', ...(scale !== undefined && { scale }) } : { name: 'cross-entropy' };
  return { ...base, teacher: { ...base.teacher, ...seen, loss } };
}

function configOf(source: WeightSource, model: RecognisedModel, settings: readonly string[]): RunConfig {
  const { facts, file } = source;
  const { numClasses, kind } = model;
  const counts = facts.trainCounts ?? [];
  const trainCounts = counts.length === numClasses ? [...counts] : new Array<number>(numClasses).fill(0);
  const names = namesOf(source, numClasses);
  return bareConfig({
    kind,
    recipe: recipeOf(source, model, settings),
    data: {
      name: file,
      classNames: names ?? Array.from({ length: numClasses }, (_, c) => String(c)),
      ...(names === undefined && { namesUnknown: true }),
      trainCounts,
      groups: groupsOf(trainCounts).of,
    },
  });
}

/** Throws UserError CHECKPOINT when there are more or fewer than classes. */
function namesOf({ file, facts: { classNames } }: WeightSource, numClasses: number): readonly string[] | undefined {
  const names = namesIn(classNames);
  if (names === undefined || names.length === numClasses) return names;
  throw new UserError(
    'CHECKPOINT',
    `${file} has ${names.length} class names, but its classifier has ${numClasses} outputs.`,
  );
}

/**
 * Returns the input of the network: that of the file; else for CIFAR's ResNets the size and statistics that LDAM and PaCo
 * train with, else ImageNet's. Everything else of the recipe is the default, and of no use.
 */
function recipeOf({ file, facts }: WeightSource, recognised: RecognisedModel, settings: readonly string[]): Recipe {
  const { kind, model, imageSize, cifar } = recognised;
  const base = loadRecipe('default');
  const usual = cifar ? base.teacher : base.student;
  const seen: Values = {
    model,
    imageSize,
    evalSize: facts.inputSize === undefined || facts.inputSize === imageSize || cifar ? null : facts.inputSize,
    mean: facts.mean ?? usual.mean,
    std: facts.std ?? usual.std,
    filter: facts.filter ?? 'bicubic',
  };
  const described: Values = { ...withPart(base, kind, seen), description: `input of ${file}` };
  return checkRecipe(withoutKnownHeads(applySettings(described, settings), model), file);
}

/** The setting that says how many heads there are has done its work: a published model, by its name, takes no such option. */
function withoutKnownHeads(values: Values, { numHeads: free }: RecognisedModel['model']): Values {
  const { student } = values;
  if (free !== undefined || !isValues(student) || !isValues(student.model)) return values;
  const { numHeads: _, ...model } = student.model;
  return { ...values, student: { ...student, model } };
}

/** `resnet32 for 10 classes, 32 × 32 pixels; left out: queue, queue_l, …`: one line for the reader. */
export function describeForeign(
  { model: { model, numClasses, imageSize } }: ForeignWeights,
  leftOut: readonly string[],
): string {
  const extra = leftOut.length === 0 ? '' : `; ignored, because only training needs them: ${listed(leftOut, 6)}`;
  return `${model.name} for ${numClasses} classes, ${imageSize} × ${imageSize} pixels${extra}`;
}

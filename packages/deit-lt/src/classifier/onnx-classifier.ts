/** An ONNX classifier, of our own or from elsewhere, as evaluation, prediction and distillation ask it. */
import * as torch from '@deit-lt/torch';
import { byClass } from '../by-class.js';
import { groupsOf } from '../data/groups.js';
import { fromMetadata, parsed } from '../description/formats.js';
import type { ModelDescription, ModelFacts } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { onnxMetadata } from '../onnx/file-metadata.js';
import { OnnxNetwork } from '../onnx/network.js';
import { placementOf } from '../recipe/device.js';
import { checkRecipe, loadRecipe } from '../recipe/load.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { normalisationNote } from './assumptions.js';
import { type AnyClassifier, evaluationPipeline, type OpenClassifierOptions } from './classifier.js';
import { requireAgreement } from './said-settings.js';

/**
 * The model in `file`, run by onnxruntime. Normalisation, scale of the logits and class names are those of the file's metadata, as our export writes
 * them; else classes are numbers, and the normalisation is that of `recipe.teacher`, or, without a recipe, CIFAR's up to 64 pixels
 * and ImageNet's above, where `settings` (`teacher.mean=…`) say nothing else; `notes` tell what was assumed. Throws UserError
 * CHECKPOINT for what is not a classifier of RGB images, USAGE for options of checkpoints.
 */
export async function openOnnxClassifier(
  file: string,
  { which, weights, device, precision, settings = [], recipe: training }: OpenClassifierOptions = {},
): Promise<AnyClassifier> {
  if (precision !== undefined || settings.some((setting) => /^\s*precision\s*=/.test(setting)))
    throw new UserError(
      'USAGE',
      `${file} is an ONNX model, whose precision was chosen at export: leave out --precision, or export it again.`,
    );
  if (which !== undefined || weights !== undefined)
    throw new UserError('USAGE', `--which and --weights are for checkpoints of a training; ${file} is an ONNX model.`);
  const said = saidBy(file);
  requireAgreement(settings, factsOf(said), file);
  const base = training ?? checkRecipe(applySettings(loadRecipe('default'), settings), file);
  const placement = placementOf({ ...base, device: device ?? base.device });
  const network = await OnnxNetwork.open(file, { imageSize: base.teacher.imageSize, threads: torch.getNumThreads() });
  try {
    const recipe = recipeOf(said, network, { training, settings });
    const classNames = namesOf(said, network, file);
    const { description } = said;
    const trainCounts = byClass(classNames, description?.trainCounts ?? classNames.map(() => 0));
    return {
      kind: said.kind ?? 'teacher',
      recipe,
      placement,
      classNames,
      namesKnown: said.classes !== undefined,
      background: said.background ?? base.data.background,
      pipeline: evaluationPipeline(recipe),
      trainCounts,
      groups: byClass(classNames, description?.groups ?? groupsOf(trainCounts).of),
      file,
      epoch: said.epoch ?? null,
      fixedSize: network.input.fixedSize,
      logitScale: said.scale ?? 1,
      ...(description?.adaptation && { adaptation: description.adaptation }),
      notes: notesOf(file, said, network, recipe),
      logits: (images) => torch.tidy(() => network.logits(images)),
      [Symbol.dispose]: () => network[Symbol.dispose](),
    };
  } catch (error) {
    network[Symbol.dispose]();
    throw error;
  }
}

/** Undefined is what the file does not say. */
interface Said {
  /** All of it, in a file of our export; the others are then of it. */
  readonly description: ModelDescription | undefined;
  readonly mean: [number, number, number] | undefined;
  readonly std: [number, number, number] | undefined;
  readonly background: [number, number, number] | undefined;
  readonly scale: number | undefined;
  readonly classes: readonly string[] | undefined;
  readonly kind: TrainingKind | undefined;
  /** Counted from 0. */
  readonly epoch: number | undefined;
}

function saidBy(file: string): Said {
  const metadata = Object.fromEntries(onnxMetadata(file));
  const { description, classNames: classes } = fromMetadata(metadata, file);
  if (description !== undefined) return { ...describedBy(description), description };
  const said = (key: string): unknown => parsed(metadata[key]);
  const { kind } = metadata;
  const [epoch, scale] = [said('epoch'), said('logit_scale')];
  return {
    description,
    mean: triple(said('mean')),
    std: triple(said('std')),
    background: triple(said('background')),
    scale: typeof scale === 'number' && scale > 0 ? scale : undefined,
    classes,
    kind: (['teacher', 'student', 'vit'] as const).find((each) => each === kind),
    epoch: Number.isInteger(epoch) ? (epoch as number) : undefined,
  };
}

function describedBy({ background, mean, std, logitScale, classNames, namesKnown, kind, epoch }: ModelDescription) {
  return {
    background,
    mean,
    std,
    scale: logitScale,
    classes: namesKnown ? classNames : undefined,
    kind,
    epoch: epoch ?? undefined,
  };
}

function triple(value: unknown): [number, number, number] | undefined {
  const fits = Array.isArray(value) && value.length === 3 && value.every((each) => typeof each === 'number');
  return fits ? (value as [number, number, number]) : undefined;
}

/** Sizes are the network's own, which is fixed to that of the evaluation. */
function factsOf({ description, mean, std }: Said): ModelFacts {
  if (description !== undefined) return { description: { ...description, ...atEvaluation(description) } };
  return { ...(mean && { mean }), ...(std && { std }) };
}

const atEvaluation = ({ imageSize, evalSize }: ModelDescription): Pick<ModelDescription, 'imageSize' | 'evalSize'> => ({
  imageSize: evalSize ?? imageSize,
  evalSize: null,
});

interface Assumed {
  readonly training: Recipe | undefined;
  readonly settings: readonly string[];
}

/** Everything but the network's name, size and normalisation is of no use. Throws UserError RECIPE. */
function recipeOf(
  { mean, std, description }: Said,
  network: OnnxNetwork,
  { training, settings }: Assumed,
): Recipe['teacher'] {
  const { imageSize, fixedSize } = network.input;
  const base = training ?? loadRecipe('default');
  const usual = training === undefined && imageSize > 64 ? base.student : base.teacher;
  const seen = { mean: mean ?? usual.mean, std: std ?? usual.std, imageSize, evalSize: null };
  const teacher = { ...base.teacher, ...seen, ...(description && describedPart(description)) };
  const { file } = network.session;
  const part =
    settings.length === 0 ? teacher : checkRecipe(applySettings({ ...base, teacher }, settings), file).teacher;
  if (fixedSize && part.imageSize !== imageSize)
    throw new UserError(
      'RECIPE',
      `teacher.imageSize is ${part.imageSize}, but ${file} only takes ${imageSize} × ${imageSize}. Set teacher.imageSize=${imageSize}.`,
    );
  return part;
}

function describedPart({ filter, architecture, logitScale: scale }: ModelDescription) {
  const loss = architecture.cosine === true ? { name: 'ldam' as const, scale } : { name: 'cross-entropy' as const };
  return { filter, model: architecture, loss };
}

function namesOf({ classes }: Said, { numClasses }: OnnxNetwork, file: string): readonly string[] {
  if (classes === undefined) return Array.from({ length: numClasses }, (_, c) => String(c));
  if (classes.length === numClasses) return classes;
  throw new UserError(
    'CHECKPOINT',
    `${file} has ${classes.length} class names in its metadata, but ${numClasses} logits.`,
  );
}

function notesOf(file: string, { mean, std }: Said, network: OnnxNetwork, recipe: TrainingRecipe): string[] {
  const { givesProbabilities, input } = network;
  const { imageSize } = recipe;
  return [
    ...(mean && std ? [] : [normalisationNote(file, 'teacher', recipe)]),
    ...(input.fixedSize
      ? []
      : [`${file} takes images of any size: it is given ${imageSize} × ${imageSize} (teacher.imageSize).`]),
    ...(givesProbabilities ? [`${file} returns probabilities: their logarithms are used as logits.`] : []),
  ];
}

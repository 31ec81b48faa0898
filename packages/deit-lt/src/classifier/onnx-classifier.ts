/** An ONNX classifier, of our own or from elsewhere, as evaluation, prediction and distillation ask it. */
import * as torch from '@deit-lt/torch';
import { byClass } from '../by-class.js';
import { groupsOf } from '../data/groups.js';
import { UserError } from '../errors.js';
import { onnxMetadata } from '../onnx/file-metadata.js';
import { OnnxNetwork } from '../onnx/network.js';
import { placementOf } from '../recipe/device.js';
import { checkRecipe, loadRecipe } from '../recipe/load.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { TrainingKind } from '../runs/reporter.js';
import { type AnyClassifier, evaluationPipeline, type OpenClassifierOptions } from './classifier.js';

/**
 * The model in `file`, run by onnxruntime. Normalisation, scale of the logits and class names are those of the file's metadata, as our export writes
 * them; else classes are numbers, and the normalisation is that of `recipe.teacher`, or, without a recipe, CIFAR's up to 64 pixels
 * and ImageNet's above, where `settings` (`teacher.mean=…`) say nothing else; `notes` tell what was assumed. Throws UserError
 * CHECKPOINT for what is no classifier of RGB images, USAGE for options of checkpoints.
 */
export async function openOnnxClassifier(
  file: string,
  { which, weights, device, settings = [], recipe: training }: OpenClassifierOptions = {},
): Promise<AnyClassifier> {
  if (which !== undefined || weights !== undefined)
    throw new UserError('USAGE', `--which and --weights are for checkpoints of a training; ${file} is an ONNX model.`);
  const said = saidBy(file);
  const base = training ?? checkRecipe(applySettings(loadRecipe('default'), settings), file);
  const placement = placementOf({ ...base, device: device ?? base.device });
  const network = await OnnxNetwork.open(file, { imageSize: base.teacher.imageSize, threads: torch.getNumThreads() });
  try {
    const recipe = recipeOf(said, network, { training, settings });
    const classNames = namesOf(said, network, file);
    const trainCounts = byClass(
      classNames,
      classNames.map(() => 0),
    );
    return {
      kind: said.kind ?? 'teacher',
      recipe,
      placement,
      classNames,
      namesKnown: said.classes !== undefined,
      pipeline: evaluationPipeline(recipe),
      trainCounts,
      groups: byClass(classNames, groupsOf(trainCounts).of),
      file,
      epoch: said.epoch ?? null,
      fixedSize: network.input.fixedSize,
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
  readonly mean: [number, number, number] | undefined;
  readonly std: [number, number, number] | undefined;
  /** By what its logits are multiplied before they are probabilities. */
  readonly scale: number | undefined;
  readonly classes: readonly string[] | undefined;
  readonly kind: TrainingKind | undefined;
  /** From 0. */
  readonly epoch: number | undefined;
}

function saidBy(file: string): Said {
  const metadata = onnxMetadata(file);
  const said = (key: string): unknown => parsed(metadata.get(key));
  const kind = metadata.get('kind');
  const [epoch, scale] = [said('epoch'), said('logit_scale')];
  return {
    mean: triple(said('mean')),
    std: triple(said('std')),
    scale: typeof scale === 'number' && scale > 0 ? scale : undefined,
    classes: names(said('classes')),
    kind: (['teacher', 'student', 'vit'] as const).find((each) => each === kind),
    epoch: Number.isInteger(epoch) ? (epoch as number) : undefined,
  };
}

/** Other programs keep other things under the same names. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
}

function triple(value: unknown): [number, number, number] | undefined {
  const fits = Array.isArray(value) && value.length === 3 && value.every((each) => typeof each === 'number');
  return fits ? (value as [number, number, number]) : undefined;
}

/** Numbers in their order are no names: our export writes them of a checkpoint that has none. */
function names(value: unknown): readonly string[] | undefined {
  const fits = Array.isArray(value) && value.every((each) => typeof each === 'string');
  return fits && value.some((name, c) => name !== String(c)) ? value : undefined;
}

interface Assumed {
  readonly training: Recipe | undefined;
  readonly settings: readonly string[];
}

/** Everything but size and normalisation is of no use. Throws UserError RECIPE. */
function recipeOf(
  { mean, std, scale }: Said,
  network: OnnxNetwork,
  { training, settings }: Assumed,
): Recipe['teacher'] {
  const { imageSize, fixedSize } = network.input;
  const base = training ?? loadRecipe('default');
  const usual = training === undefined && imageSize > 64 ? base.student : base.teacher;
  const seen = { mean: mean ?? usual.mean, std: std ?? usual.std, imageSize, evalSize: null };
  const teacher = { ...base.teacher, ...seen };
  const { file } = network.session;
  const part =
    settings.length === 0 ? teacher : checkRecipe(applySettings({ ...base, teacher }, settings), file).teacher;
  if (fixedSize && part.imageSize !== imageSize)
    throw new UserError(
      'RECIPE',
      `teacher.imageSize is ${part.imageSize}, but ${file} takes ${imageSize} × ${imageSize} alone.`,
    );
  // LDAM's loss stands for any that scales; other logits are what they are.
  const loss = scale === undefined ? { name: 'cross-entropy' as const } : { name: 'ldam' as const, scale };
  return { ...part, loss: { ...part.loss, ...loss } };
}

function namesOf({ classes }: Said, { numClasses }: OnnxNetwork, file: string): readonly string[] {
  if (classes === undefined) return Array.from({ length: numClasses }, (_, c) => String(c));
  if (classes.length === numClasses) return classes;
  throw new UserError(
    'CHECKPOINT',
    `${file} names ${classes.length} classes in its metadata, but its logits have ${numClasses}.`,
  );
}

function notesOf(file: string, { mean, std }: Said, network: OnnxNetwork, recipe: TrainingRecipe): string[] {
  const { givesProbabilities, input } = network;
  const { imageSize } = recipe;
  return [
    ...(mean && std
      ? []
      : [
          `${file} does not say how its images are normalised: taken are teacher.mean=[${recipe.mean.join()}] and teacher.std=[${recipe.std.join()}]; --set changes them ([0,0,0] and [1,1,1] leave images in 0 … 1).`,
        ]),
    ...(input.fixedSize
      ? []
      : [`${file} takes images of any size: they are ${imageSize} × ${imageSize} (teacher.imageSize).`]),
    ...(givesProbabilities ? [`${file} gives probabilities: their logarithms are its logits.`] : []),
  ];
}

/** A trained model as evaluation, prediction and distillation need it, from a run folder or checkpoint. */

import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { cropsMiddle } from '../augment/evaluation-input.js';
import { buildPipeline } from '../augment/registry.js';
import type { Pipeline } from '../augment/transform.js';
import { type ByClass, byClass } from '../by-class.js';
import type { Rgb } from '../data/decode/background.js';
import type { Group } from '../data/groups.js';
import type { AppliedAdaptation } from '../description/applied-adaptation.js';
import { weightsIn, weightsNames } from '../description/hugging-face.js';
import { UserError } from '../errors.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import type { ImageModel } from '../models/model.js';
import { isOnnx, noNetwork } from '../onnx/onnx-files.js';
import { listed } from '../published/checkpoint-layout.js';
import { isForeign } from '../published/weight-source.js';
import { type Placement, placementOf } from '../recipe/device.js';
import { explainIssues } from '../recipe/explain.js';
import { partOf } from '../recipe/part.js';
import { type Recipe, recipeSchema, type TrainingRecipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { type RunConfig, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { runsBelowSentence } from '../runs/runs-below.js';
import { readWeights } from '../runs/training-state.js';
import { modelOf } from '../tasks/model-of.js';
import { studentOutputs } from '../tasks/student-task.js';

/** The interface of all trained models, whether libtorch or onnxruntime runs them. */
export interface AnyClassifier extends Disposable {
  readonly kind: TrainingKind;
  /** The network; absent when it is not ours to look into. */
  readonly model?: ImageModel;
  /** Its part of the run's recipe. */
  readonly recipe: TrainingRecipe;
  readonly placement: Placement;
  readonly classNames: readonly string[];
  /** False when they are only numbers: a checkpoint from elsewhere does not say what its classes are. */
  readonly namesKnown: boolean;
  /** Background of transparent images: red, green, blue, 0 … 255. */
  readonly background: Rgb;
  /** Conversion of images to the network's input at evaluation. */
  readonly pipeline: Pipeline;
  /** Training images per class; zeros when that is not known. */
  readonly trainCounts: ByClass<number>;
  /** Head, mid or tail, of each of its classes. */
  readonly groups: ByClass<Group>;
  /** The checkpoint's file. */
  readonly file: string;
  /** After which it was written, from 0; null when that is not known. */
  readonly epoch: number | null;
  /** Assumptions about a model of another program, one line each. */
  readonly notes?: readonly string[];
  /** Logit scale, where the model's file says it; `logitScale()` is for both. */
  readonly logitScale?: number;
  /** Whether it takes images of its recipe's size alone. Default false. */
  readonly fixedSize?: boolean;
  /** Applied by `logits()` to the prediction; it also has the rules of the answers. Absent: the model as it was trained. */
  readonly adaptation?: AppliedAdaptation;
  /** Returns the logits `[B, C]` of normalised images `[B, 3, S, S]`; the caller disposes them (or a scope does). */
  logits(images: torch.Tensor): OutputLogits;
}

/** A network of ours with its weights. */
export interface Classifier extends AnyClassifier {
  readonly model: ImageModel;
  /** Precision of its recipe, not resolved for this machine. */
  readonly precision: Recipe['precision'];
}

export interface OpenClassifierOptions {
  /** Checkpoint of the run: the best by the run's rule (default), or the last. */
  which?: 'best' | 'last';
  /** Averaged weights or those as trained, from the last checkpoint. Default: those that the recipe names. */
  weights?: 'ema' | 'raw';
  /** Default: as the run's recipe says. */
  device?: string;
  /** Default: as the run's recipe says; `auto` as in recipes. Not for ONNX models, whose files have one. */
  precision?: Recipe['precision'];
  /**
   * `device=…` and `precision=…`; for checkpoints from elsewhere also what their weights do not show, as
   * `teacher.mean=[0.5, 0.5, 0.5]`.
   */
  settings?: readonly string[];
  /**
   * The training that a teacher is opened for: it says how an ONNX model's images are normalised, where the file does
   * not.
   */
  recipe?: Recipe;
}

/** A checkpoint's content, of our own or from elsewhere. */
interface Opened {
  readonly config: RunConfig;
  readonly epoch: number | null;
  readonly tensors: ReadonlyMap<string, torch.Tensor>;
  readonly notes?: readonly string[];
}

/**
 * The model of `given`: a run folder (of one model, or of `train`: then its student), a checkpoint file, or one from
 * elsewhere: PyTorch's (`.pth`, `.pt`, `.pth.tar`), safetensors with timm's or torchvision's names, or a Hugging Face
 * folder. Throws UserError RUN_FOLDER or CHECKPOINT that says what is missing or damaged.
 */
export async function openClassifier(given: string, options: OpenClassifierOptions = {}): Promise<Classifier> {
  const { which = 'best', weights, device, precision, settings = [] } = options;
  const file = checkpointFile(given, weights === undefined ? which : 'last');
  const open = (opened: Opened, place: Place = {}): Classifier =>
    classifierOf(file, opened, { ...place, ...(device && { device }), ...(precision && { precision }) });
  if (isForeign(file)) {
    const { withForeignWeights } = await import('./foreign-weights.js'); // of no use for our own files
    return withForeignWeights(file, { weights, settings }, ({ config, epoch, notes, read }) =>
      torch.tidy(() => {
        const { tensors, leftOut } = read();
        return open({ config, epoch, tensors, notes: [...notes, ...leftOutNote(file, leftOut)] });
      }),
    );
  }
  const place = placeIn(settings, file);
  return torch.tidy(() => {
    const read = readWeights(file, { weights, run: runOf(file, given) });
    return open({ ...read, notes: weights === undefined ? instead(given, which, file, read.epoch) : [] }, place);
  });
}

/**
 * The run that `file` must be of, when `given` is a folder; undefined where its configuration cannot be read:
 * checkpoints have their own.
 */
function runOf(file: string, given: string): RunConfig | undefined {
  if (file === given) return undefined;
  try {
    return readRunConfig(path.dirname(path.dirname(file)));
  } catch {
    return undefined;
  }
}

/** A run whose best checkpoint is not there yet, or not any more, has its last one used. */
function instead(given: string, which: 'best' | 'last', file: string, epoch: number | null): string[] {
  if (which === 'last' || given === file || path.basename(file) !== 'last.safetensors') return [];
  return [`${given} has no best checkpoint; its last one, after epoch ${(epoch ?? 0) + 1}, is used.`];
}

function leftOutNote(file: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${file}: ignored, because the network has no such weights: ${listed(names, 6)}.`];
}

/** Device and precision of the computation, instead of the recipe's. */
type Place = Partial<Pick<Recipe, 'device' | 'precision'>>;

const placeSchema = recipeSchema.pick({ device: true, precision: true }).partial();

/** Applies settings that may change when a run is used. Throws UserError USAGE for other keys, RECIPE for a value. */
function placeIn(settings: readonly string[], file: string): Place {
  const values = applySettings({}, settings);
  const other = Object.keys(values).find((key) => !(key in placeSchema.shape));
  if (other !== undefined)
    throw new UserError(
      'USAGE',
      `--set ${other}…: ${file} has its own recipe; for a run, only device and precision can be set (other keys are for checkpoints of other programs).`,
    );
  const result = placeSchema.safeParse(values);
  if (!result.success) throw new UserError('RECIPE', `--set ${explainIssues(result.error.issues, values)}`);
  const { device, precision } = result.data;
  return { ...(device && { device }), ...(precision && { precision }) };
}

function classifierOf(file: string, { config, epoch, tensors, notes = [] }: Opened, place: Place): Classifier {
  const recipe = partOf(config);
  const placement = placementOf({ ...config.recipe, ...place });
  const { classNames, namesUnknown = false, trainCounts, groups } = config.data;
  const model = torch.nn.init.skipInit(() => modelOf(config.kind, recipe, classNames.length)); // to draw weights takes seconds
  loadWeights(model, tensors, file, { assign: true });
  model.to(placement.device).eval();
  for (const parameter of model.parameters()) parameter.requiresGrad_(false);
  return torch.keep({
    kind: config.kind,
    model,
    recipe,
    placement,
    classNames,
    namesKnown: !namesUnknown,
    background: config.recipe.data.background,
    pipeline: evaluationPipeline(recipe),
    trainCounts: byClass(classNames, trainCounts),
    groups: byClass(classNames, groups),
    file,
    epoch,
    precision: config.recipe.precision,
    notes: [...notes, ...(placement.note === undefined ? [] : [placement.note])],
    ...(config.logitScale !== undefined && { logitScale: config.logitScale }),
    logits: (images: torch.Tensor) => torch.tidy(() => outputs(placement.autocast(() => model.call(images)))),
    [Symbol.dispose]: () => model.dispose(),
  });
}

/** Resize, centre crop (above 32 pixels) and normalisation. */
export function evaluationPipeline(
  recipe: Pick<TrainingRecipe, 'imageSize' | 'mean' | 'std' | 'filter'> & Partial<Pick<TrainingRecipe, 'evalSize'>>,
): Pipeline {
  const size = recipe.evalSize ?? recipe.imageSize;
  return buildPipeline(cropsMiddle(size) ? { centerCrop: true } : { wholeImage: true }, { ...recipe, size });
}

function outputs(output: torch.Tensor | [torch.Tensor, torch.Tensor]): OutputLogits {
  return Array.isArray(output) ? studentOutputs(output[0], output[1]) : { avg: output };
}

/**
 * Throws UserError CHECKPOINT when `file`, which has them, is of another network. `assign`: the model takes the tensors
 * themselves.
 */
export function loadWeights(
  model: torch.nn.AnyModule,
  tensors: ReadonlyMap<string, torch.Tensor>,
  file: string,
  { assign = false }: { assign?: boolean } = {},
): void {
  try {
    model.loadStateDict(tensors, { assign });
  } catch (error) {
    throw new UserError('CHECKPOINT', `${file} does not fit its own recipe: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * The file of a run folder's checkpoint, or of a Hugging Face folder's weights; a file as it is. Throws UserError
 * RUN_FOLDER, and CHECKPOINT for an ONNX model.
 */
export function checkpointFile(given: string, which: 'best' | 'last'): string {
  if (!existsSync(given))
    throw new UserError(
      'RUN_FOLDER',
      `${given} does not exist; expected a run folder or a checkpoint (.safetensors, .pth, .pt).`,
    );
  if (isOnnx(given)) throw noNetwork(given);
  if (!statSync(given).isDirectory()) return given;
  const candidates = [given, path.join(given, 'student'), path.join(given, 'teacher')].map(
    (folder) => new RunFolder(folder),
  );
  // A student that is still trained may have no best one yet: its last one, not the best of its teacher.
  const run = candidates.find((candidate) => candidate.hasCheckpoint('best') || candidate.hasCheckpoint('last'));
  if (run === undefined || !(run.hasCheckpoint(which) || run.hasCheckpoint('last'))) {
    const weights = weightsIn(given);
    if (weights !== undefined) return weights;
    const below = runsBelowSentence(given);
    if (below !== undefined) throw new UserError('RUN_FOLDER', `${given} is not a run folder. ${below}`);
    throw new UserError(
      'RUN_FOLDER',
      `${given} has no checkpoints/${which}.safetensors; is it a run folder whose first epoch has ended? (A Hugging Face folder has ${weightsNames.join(' or ')}.)`,
    );
  }
  return run.hasCheckpoint(which) ? run.checkpoint(which) : run.checkpoint('last');
}

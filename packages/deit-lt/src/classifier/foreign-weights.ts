/** A checkpoint that another program wrote, as if a run of ours had: which network, what recipe it is used by, its weights. */
import type * as torch from '@deit-lt/torch';
import { groupsOf } from '../data/groups.js';
import { isOnnx, noNetwork } from '../onnx/onnx-files.js';
import { listed } from '../published/checkpoint-layout.js';
import type { RecognisedModel } from '../published/family.js';
import { mapWeights, recognise } from '../published/recognise.js';
import { openWeights, type WeightSource } from '../published/weight-source.js';
import { checkRecipe, loadRecipe } from '../recipe/load.js';
import { isValues, type Values } from '../recipe/merge.js';
import type { Recipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import type { RunConfig } from '../runs/run-folder.js';

export interface ForeignOptions {
  /** Averaged weights or those as trained, where the file has both. Default `raw`. */
  readonly weights?: 'ema' | 'raw' | undefined;
  /** `teacher.mean=[0.5, 0.5, 0.5]` and the like: what the weights do not show. */
  readonly settings?: readonly string[] | undefined;
}

/** As `readWeights` gives of our own. */
export interface ForeignWeights {
  readonly config: RunConfig;
  /** After which it was written, from 0; 0 when the file does not say. */
  readonly epoch: number;
  readonly model: RecognisedModel;
  /** The weights by our names, and the names of those left out; the open scope owns them. Throws UserError CHECKPOINT. */
  read(): { tensors: Map<string, torch.Tensor>; leftOut: readonly string[] };
}

/**
 * Opens a checkpoint in PyTorch's format or safetensors and gives what `use` makes of it. Throws UserError CHECKPOINT for
 * a file that cannot be read or is of no network that is known here, and RECIPE for a setting that does not fit.
 */
export async function withForeignWeights<R>(
  file: string,
  { weights, settings = [] }: ForeignOptions,
  use: (weights: ForeignWeights) => R,
): Promise<R> {
  if (isOnnx(file)) throw noNetwork(file);
  using source = await openWeights(file, { weights });
  const model = recognise(source, { numHeads: headsIn(settings) });
  const config = configOf(source, model, settings);
  return use({ config, model, epoch: source.facts.epoch ?? 0, read: () => mapWeights(source, model) });
}

/** Heads of a transformer are needed before there is a recipe. */
function headsIn(settings: readonly string[]): number | undefined {
  const { student } = applySettings({}, settings);
  const heads = isValues(student) && isValues(student.model) ? student.model.numHeads : undefined;
  return typeof heads === 'number' ? heads : undefined;
}

function configOf(source: WeightSource, model: RecognisedModel, settings: readonly string[]): RunConfig {
  const { numClasses } = model;
  const counts = source.facts.trainCounts ?? [];
  const trainCounts = counts.length === numClasses ? [...counts] : new Array<number>(numClasses).fill(0);
  return {
    format: 'deit-lt run 1',
    kind: model.kind,
    recipe: recipeOf(source, model, settings),
    data: {
      name: source.file,
      classNames: Array.from({ length: numClasses }, (_, c) => String(c)),
      namesUnknown: true,
      trainCounts,
      groups: groupsOf(trainCounts).of,
      fingerprint: '',
    },
    teacher: null,
    teacherSha256: null,
    command: [],
    environment: {},
    started: '',
  };
}

/**
 * What is known of the network's input: of CIFAR's ResNets the size and statistics that LDAM and PaCo train with, else
 * ImageNet's. Everything else of the recipe is the default, and of no use.
 */
function recipeOf({ file, facts }: WeightSource, recognised: RecognisedModel, settings: readonly string[]): Recipe {
  const { kind, model, imageSize, cifar } = recognised;
  const base = loadRecipe('default');
  const { mean, std } = cifar ? base.teacher : base.student;
  const seen: Values = {
    model,
    imageSize,
    evalSize: facts.inputSize === undefined || facts.inputSize === imageSize || cifar ? null : facts.inputSize,
    mean,
    std,
    filter: 'bicubic',
  };
  const values: Values =
    kind === 'teacher'
      ? {
          ...base,
          teacher: { ...base.teacher, ...seen, loss: { name: model.cosine === true ? 'ldam' : 'cross-entropy' } },
        }
      : { ...base, student: { ...base.student, ...seen, ema: null, weights: 'raw' } };
  const described: Values = { ...values, description: `input of ${file}` };
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
  const extra = leftOut.length === 0 ? '' : `; left out, of training alone: ${listed(leftOut, 6)}`;
  return `${model.name} for ${numClasses} classes, ${imageSize} × ${imageSize} pixels${extra}`;
}

/**
 * Fits the weights of a file to a network: its classifier stays new unless the classes are the same, everything else must be
 * there, in the network's shapes.
 */
import * as torch from '@deit-lt/torch';
import { isSameOrder } from '../by-class.js';
import { UserError } from '../errors.js';
import { type ClassifierLayer, classifierLayers, classifierNames } from '../models/classifier-layers.js';
import { CosineLinear } from '../models/cosine-linear.js';
import { type ImageModel, isFeatureNet } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import { listed } from '../published/checkpoint-layout.js';
import { fitTransformer } from './fit-transformer.js';
import { settingsFor } from './fitting-settings.js';
import type { GivenWeights } from './read-weights.js';

export interface FitOptions {
  /** Classes of the data, in the order of the network's outputs. */
  readonly classNames: readonly string[];
  /** Whether the classifier stays new whatever the classes. */
  readonly newClassifier: boolean;
  /** The recipe's part, for messages. */
  readonly part: 'teacher' | 'student';
  /** The network's name, for messages. */
  readonly name: string;
}

export interface FittedWeights {
  /** For `loadStateDict`; the open scope owns them. */
  readonly state: ReadonlyMap<string, torch.Tensor>;
  /** Changes, and parts that are left out or stay new, one sentence each. */
  readonly notes: readonly string[];
}

/** Only training needed them, or they are of a classifier that is left out anyway. */
const ignored = /\.num_batches_tracked$|^mask_token$|^pre_logits\./;

/** Names of classifiers, of the known networks. */
const classifiers = /^(head|head_dist|fc|linear|head\.fc)\.(weight|bias)$/;

/** Throws UserError CHECKPOINT that lists what is missing, unknown or of another shape, and the settings that would fit. */
export function fitWeights(model: ImageModel, given: GivenWeights, options: FitOptions): FittedWeights {
  const drawn = model.stateDict();
  const tensors = new Map(given.tensors);
  const notes = model instanceof VisionTransformer ? fitTransformer(tensors, model) : [];
  const heads = headNames(model);
  const kept = options.newClassifier ? undefined : keptClassifier(model, given, options.classNames);
  if (kept === undefined) {
    if (heads.size > 0)
      for (const name of [...tensors.keys()]) if (heads.has(name) || classifiers.test(name)) tensors.delete(name);
    for (const name of heads) tensors.set(name, drawn.get(name)!);
    if (!options.newClassifier) notes.push(`the classifier is new, because ${whyNew(given, options.classNames)}`);
  } else for (const [name, value] of kept) tensors.set(name, value);
  dropIgnored(tensors, drawn, given);
  const problems = [...misfits(drawn, tensors), ...headsDiffer(model, given)];
  if (problems.length > 0) throw doesNotFit(given, problems, model, options);
  return { state: new Map([...drawn].map(([name, value]) => [name, tensors.get(name) ?? value])), notes };
}

/** A network of a plugin may have no classifier that is known: then all of its weights must be in the file. */
function headNames(model: ImageModel): ReadonlySet<string> {
  return model instanceof VisionTransformer || isFeatureNet(model) ? classifierNames(model) : new Set();
}

/**
 * The classifier's weights for the data's order of classes; undefined when the classes differ or are unknown. DIST has that
 * of CLS where the file has only one.
 */
function keptClassifier(
  model: ImageModel,
  { tensors, classNames }: GivenWeights,
  wanted: readonly string[],
): Map<string, torch.Tensor> | undefined {
  const order = classNames && orderOf(classNames, wanted);
  if (order === undefined || !(model instanceof VisionTransformer || isFeatureNet(model))) return undefined;
  const index = torch.tensor([...order], { dtype: 'int64' });
  const found = new Map<string, torch.Tensor>();
  for (const [name, { layer, parameter }] of classifierParameters(model)) {
    const value = tensors.get(name) ?? tensors.get(name.replace(/^head_dist\./, 'head.'));
    if (value === undefined || `${value.shape}` !== `${parameter.shape}`) return undefined;
    found.set(name, value.indexSelect(layer instanceof CosineLinear ? 1 : 0, index));
  }
  return found;
}

function classifierParameters(model: ImageModel): Map<string, { layer: ClassifierLayer; parameter: torch.Tensor }> {
  const layers = classifierLayers(model);
  return new Map(
    model.namedParameters().flatMap(([name, parameter]) => {
      const layer = layers.find((each: torch.nn.AnyModule) => [...each.parameters()].includes(parameter));
      return layer === undefined ? [] : [[name, { layer, parameter }] as const];
    }),
  );
}

/** The file's index of each of the data's classes; undefined unless both have the same names, each once. */
function orderOf(given: readonly string[], wanted: readonly string[]): readonly number[] | undefined {
  if (isSameOrder(given, wanted)) return wanted.map((_, c) => c);
  const places = new Map(given.map((name, c) => [name, c]));
  const order = wanted.map((name) => places.get(name));
  const isSame = given.length === wanted.length && places.size === given.length && new Set(order).size === order.length;
  return isSame && order.every((place) => place !== undefined) ? (order as number[]) : undefined;
}

function whyNew({ classNames }: GivenWeights, wanted: readonly string[]): string {
  if (classNames === undefined) return 'the file does not name its classes';
  if (orderOf(classNames, wanted) !== undefined) return 'that of the file has another form';
  const known = new Set(classNames);
  const common = wanted.filter((name) => known.has(name)).length;
  return `the file has ${classNames.length} classes, of which ${common === 0 ? 'none is' : `${common} are`} among the ${wanted.length} of the data`;
}

type Tensors = ReadonlyMap<string, torch.Tensor>;

function dropIgnored(tensors: Map<string, torch.Tensor>, wanted: Tensors, { beside }: GivenWeights): void {
  for (const name of [...tensors.keys()])
    if (!wanted.has(name) && (ignored.test(name) || beside.has(name))) tensors.delete(name);
}

function misfits(wanted: Tensors, found: Tensors): string[] {
  const missing = [...wanted.keys()].filter((name) => !found.has(name) && !ignored.test(name));
  const unknown = [...found.keys()].filter((name) => !wanted.has(name));
  const shapes = [...found].flatMap(([name, { shape }]) => {
    const own = wanted.get(name)?.shape;
    return own === undefined || `${own}` === `${shape}`
      ? []
      : [`${name} [${shape.join(', ')}] where the network has [${own.join(', ')}]`];
  });
  return [
    ...(missing.length > 0 ? [`it lacks ${listed(missing, 6)}`] : []),
    ...(unknown.length > 0 ? [`it has ${listed(unknown, 6)}, which the network does not have`] : []),
    ...(shapes.length > 0 ? [`it has ${listed(shapes, 4)}`] : []),
  ];
}

/** The number of attention heads, which no shape shows. */
function headsDiffer(model: ImageModel, { numHeads }: GivenWeights): string[] {
  if (!(model instanceof VisionTransformer) || numHeads === undefined) return [];
  const own = [...model.blocks][0]?.attn.numHeads;
  return own === numHeads ? [] : [`it has ${numHeads} attention heads where the network has ${own}`];
}

function doesNotFit(
  { file, model: theirs, inChans = 3, reason }: GivenWeights,
  problems: readonly string[],
  model: ImageModel,
  { part, name }: FitOptions,
): UserError {
  const advice = theirs === undefined ? undefined : settingsFor(theirs, part, model);
  const next =
    reason?.message ??
    (inChans === 3 ? undefined : `The weights are for images of ${inChans} channels; images have 3 here.`) ??
    (advice === undefined
      ? 'Give weights of that network.'
      : `For the network of the file, ${theirs!.name}, set: --set ${advice}`);
  return new UserError(
    'CHECKPOINT',
    `${file} does not fit the network of this recipe, ${name}: ${problems.join('; ')}. ${next}`,
  );
}

/** Recognises the network of a file by the names and shapes of its weights. A new family is a file and a line here. */
import * as torch from '@deit-lt/torch';
import type { ModelDescription } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { requireFinite } from '../models/finite-weights.js';
import { createModel } from '../models/registry.js';
import { airbench } from './airbench.js';
import { listed } from './checkpoint-layout.js';
import type { Family, FamilySettings, RecognisedModel } from './family.js';
import { regnets } from './regnets.js';
import { cifarResNets, pacoTeachers, torchvisionResNets } from './residual-networks.js';
import { torchvisionTransformers } from './torchvision-transformers.js';
import { transformers } from './transformers.js';
import type { Shapes, WeightSource } from './weight-source.js';

const families: readonly Family[] = [
  transformers,
  torchvisionTransformers,
  pacoTeachers,
  cifarResNets,
  torchvisionResNets,
  regnets,
  airbench,
];

/** Returns the network, also one without a classifier; undefined for an unknown family. Throws UserError CHECKPOINT. */
export function findNetwork(
  { file, shapes }: Pick<WeightSource, 'file' | 'shapes'>,
  settings: Omit<FamilySettings, 'file'> = {},
): RecognisedModel | undefined {
  for (const family of families) {
    const found = family(shapes, { file, ...settings });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Throws UserError CHECKPOINT for an unknown network. */
export function recognise(source: WeightSource, settings: Omit<FamilySettings, 'file'> = {}): RecognisedModel {
  const { file, shapes } = source;
  const found = findNetwork(source, settings);
  if (found !== undefined) {
    if (found.inChans !== 3)
      throw new UserError('CHECKPOINT', `${file} takes images with ${found.inChans} channels; images here have 3.`);
    if (Number.isInteger(found.numClasses) && found.numClasses > 0) return found;
    throw new UserError('CHECKPOINT', `${file} has no classifier layer, so it cannot classify images.`);
  }
  throw new UserError(
    'CHECKPOINT',
    `${file} is not a network that this program knows (DeiT, DeiT-III, ViT, ResNet, ResNeXt, RegNetY, airbench94). It has ${listed([...shapes.keys()])}.`,
  );
}

/** The network that a file's own description names, of which the weights must be. Throws UserError CHECKPOINT or RECIPE. */
export function describedModel({ file, shapes }: WeightSource, description: ModelDescription): RecognisedModel {
  const { kind, architecture, classNames, imageSize } = description;
  if ((architecture.depth ?? 0) > shapes.size)
    // a damaged file must not ask for more blocks than it has
    throw new UserError(
      'CHECKPOINT',
      `${file} describes ${architecture.depth} blocks, but has ${shapes.size} tensors.`,
    );
  return {
    kind,
    model: architecture,
    inChans: 3,
    numClasses: classNames.length,
    imageSize,
    cifar: false,
    rename: (name) => name,
  };
}

export interface MappedWeights {
  /** Weights by our names. */
  readonly tensors: Map<string, torch.Tensor>;
  /** Names in the file of what only training needed, or is beside the network: it is left out. */
  readonly leftOut: readonly string[];
}

/**
 * Returns the weights by our names; the open scope owns them. Throws UserError CHECKPOINT that lists missing weights, unknown
 * weights and weights of another shape; and for weights that are not finite.
 */
export function mapWeights(source: WeightSource, model: RecognisedModel): MappedWeights {
  const wanted = shapesOf(model);
  const ours = (name: string): string | null => {
    const renamed = model.rename(name);
    return renamed !== null && source.beside.has(name) && !wanted.has(renamed) ? null : renamed;
  };
  const names = new Map([...source.shapes.keys()].map((name) => [name, ours(name)]));
  const leftOut = [...names].flatMap(([name, ours]) => (ours === null ? [name] : []));
  const used = [...names].filter((entry): entry is [string, string] => entry[1] !== null);
  const problems = misfits(wanted, new Map(used.map(([name, ours]) => [ours, source.shapes.get(name)!])));
  if (problems.length > 0)
    throw new UserError(
      'CHECKPOINT',
      `${source.file} looks like ${model.model.name}, but does not fit it: ${problems.join('; ')}.`,
    );
  const tensors = new Map(used.map(([name, ours]) => [ours, source.tensor(name)]));
  requireFinite(tensors, source.file);
  for (const name of wanted.keys()) if (!tensors.has(name)) tensors.set(name, torch.zeros([], { dtype: 'int64' })); // an optional counter
  return { tensors, leftOut };
}

/**
 * Returns the shapes of the network's tensors. They are computed without memory for the weights, so that a damaged file
 * cannot exhaust it.
 */
function shapesOf({ model: { name, ...options }, numClasses, imageSize }: RecognisedModel): Shapes {
  using network = createModel(name, { ...options, numClasses, imageSize, device: 'meta' });
  return new Map([...network.stateDict()].map(([name, { shape }]) => [name, shape]));
}

/** Counters of batch norm, which older files do not have and evaluation does not use. */
const optional = /\.num_batches_tracked$/;

function misfits(wanted: Shapes, found: Shapes): string[] {
  const missing = [...wanted.keys()].filter((name) => !found.has(name) && !optional.test(name));
  const unknown = [...found.keys()].filter((name) => !wanted.has(name));
  const other = [...found].filter(([name, shape]) => wanted.has(name) && `${wanted.get(name)}` !== `${shape}`);
  const shapes = other.map(
    ([name, shape]) => `${name} [${shape.join(', ')}] instead of [${wanted.get(name)!.join(', ')}]`,
  );
  return [
    ...(missing.length > 0 ? [`it lacks ${listed(missing)}`] : []),
    ...(unknown.length > 0 ? [`it has ${listed(unknown)}, which the network does not have`] : []),
    ...(shapes.length > 0 ? [`it has ${listed(shapes)}`] : []),
  ];
}

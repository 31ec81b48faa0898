/** Initial weights by our names, from a run or checkpoint of ours or of another program, with what the file says of them. */
import * as torch from '@deit-lt/torch';
import { checkpointFile } from '../classifier/classifier.js';
import { namesIn } from '../description/formats.js';
import { headsOf } from '../description/heads.js';
import { UserError } from '../errors.js';
import { requireFinite } from '../models/finite-weights.js';
import type { ImageModel } from '../models/model.js';
import { VisionTransformer } from '../models/vit.js';
import type { FamilySettings, RecognisedModel } from '../published/family.js';
import { findNetwork } from '../published/recognise.js';
import { isForeign, openWeights, type WeightSource } from '../published/weight-source.js';
import { partOf } from '../recipe/part.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import type { RunConfig } from '../runs/run-folder.js';
import { instead, readWeights } from '../runs/training-state.js';
import { originOf, type WeightsOrigin } from './origin.js';

/** The weights of a file, and the facts that it contains about them. */
export interface GivenWeights {
  readonly file: string;
  /** Weights by our names; the open scope owns them. */
  readonly tensors: ReadonlyMap<string, torch.Tensor>;
  /** Names of weights that may belong to something beside the network. */
  readonly beside: ReadonlySet<string>;
  /** The network as a recipe describes it; undefined when it is not recognised. */
  readonly model: RecognisedModel['model'] | undefined;
  /** Whether the network is one for images of CIFAR's size. */
  readonly isSmall: boolean;
  /** Channels of its images; undefined when they are unknown. */
  readonly inChans?: number | undefined;
  /** Attention heads of a transformer; undefined when they are unknown. */
  readonly numHeads: number | undefined;
  /** In the order of the classifier's outputs; undefined when they are unknown. */
  readonly classNames: readonly string[] | undefined;
  /** How its images were normalised, as far as it is known. */
  readonly seen: Partial<Pick<TrainingRecipe, 'mean' | 'std'>>;
  readonly origin: WeightsOrigin;
  /** The weights that the run of this file started from. */
  readonly from?: RunConfig['from'];
  /** Why the network was not recognised: said when the weights do not fit. */
  readonly reason?: UserError;
}

/**
 * Gives the weights of `given`, a run folder, checkpoint or Hugging Face folder, to `use`. Throws UserError RUN_FOLDER and
 * CHECKPOINT for what cannot be read, and for weights that are not finite.
 */
export async function withGivenWeights<R>(
  given: string,
  model: ImageModel,
  use: (weights: GivenWeights) => R,
): Promise<R> {
  const file = checkpointFile(given, 'best');
  if (!isForeign(file)) return torch.tidy(() => use(ownWeights(file)));
  using source = await openWeights(file);
  return torch.tidy(() => use(foreignWeights(source, settingsOf(model, source))));
}

/** Reads a run's file; the advice of its errors suits weights that may be of others. */
function readGiven(file: string): ReturnType<typeof readWeights> {
  try {
    return readWeights(file);
  } catch (error) {
    if (!(error instanceof UserError && error.message.includes(instead))) throw error;
    const message = error.message.replace(instead, 'Give other weights, or get the file again.');
    throw new UserError(error.code, message, { cause: error });
  }
}

function ownWeights(file: string): GivenWeights {
  const { tensors, config } = readGiven(file);
  const { mean, std, model } = partOf(config);
  const { classNames, namesUnknown = false } = config.data;
  return {
    file,
    tensors,
    beside: new Set(),
    model,
    isSmall: false,
    numHeads: knownHeads(model),
    classNames: namesUnknown ? undefined : classNames,
    seen: { mean, std },
    origin: {},
    ...(config.from && { from: config.from }),
  };
}

/** Values that no weight shows are taken from the network that the weights are for, where the widths agree. */
function settingsOf(model: ImageModel, { shapes }: WeightSource): Omit<FamilySettings, 'file'> {
  if (!(model instanceof VisionTransformer)) return {};
  const [block] = [...model.blocks];
  const { patchSize } = model.patchEmbed;
  if (widthOf(shapes) === model.embedDim) return { patchSize, numHeads: block?.attn.numHeads };
  return headsUnknown(shapes) ? { patchSize, numHeads: 1 } : { patchSize };
}

function widthOf(shapes: WeightSource['shapes']): number | undefined {
  return (shapes.get('cls_token') ?? shapes.get('class_token'))?.[2];
}

/** Whether tokens have a width that no published heads have. */
const headsUnknown = (shapes: WeightSource['shapes']): boolean => (widthOf(shapes) ?? 64) % 64 !== 0;

/** The heads of a network as a recipe describes it; undefined for one that is not a transformer. */
function knownHeads({ name, numHeads, embedDim = 192 }: RecognisedModel['model']): number | undefined {
  if (name !== 'vit' && name !== 'deit') return headsOf(name);
  return numHeads ?? Math.max(1, Math.floor(embedDim / 64));
}

function foreignWeights(source: WeightSource, settings: Omit<FamilySettings, 'file'>): GivenWeights {
  const { file, shapes, facts } = source;
  const { description } = facts;
  const found = description === undefined ? networkIn(source, settings) : {};
  const rename = found.network?.rename ?? ((name: string) => name);
  const tensors = new Map<string, torch.Tensor>();
  for (const name of shapes.keys()) {
    const ours = rename(name);
    if (ours !== null) tensors.set(ours, source.tensor(name));
  }
  requireFinite(tensors, file);
  const { mean, std } = description ?? facts;
  const names = description === undefined ? namesIn(facts.classNames) : namesOf(description);
  return {
    file,
    tensors,
    beside: new Set([...source.beside].flatMap((name) => rename(name) ?? [])),
    model: description?.architecture ?? withoutGuess(found.network?.model, source),
    isSmall: found.network?.cifar ?? false,
    inChans: found.network?.inChans,
    numHeads: description === undefined ? facts.numHeads : knownHeads(description.architecture),
    classNames: names,
    seen: { ...(mean && { mean }), ...(std && { std }) },
    origin: originOf(file),
    ...(found.reason && { reason: found.reason }),
  };
}

/** The number of heads is then for the user to give. */
function withoutGuess(model: GivenWeights['model'], { shapes, facts }: WeightSource): GivenWeights['model'] {
  if (model === undefined || facts.numHeads !== undefined || !headsUnknown(shapes)) return model;
  return { ...model, numHeads: undefined };
}

const namesOf = ({ namesKnown, classNames }: { namesKnown: boolean; classNames: readonly string[] }) =>
  namesKnown ? classNames : undefined;

/** A network of a plugin may have names that resemble those of a known one. */
function networkIn(
  source: WeightSource,
  settings: Omit<FamilySettings, 'file'>,
): { network?: RecognisedModel; reason?: UserError } {
  try {
    const network = findNetwork(source, settings);
    return network === undefined ? {} : { network };
  } catch (error) {
    if (error instanceof UserError) return { reason: error };
    throw error;
  }
}

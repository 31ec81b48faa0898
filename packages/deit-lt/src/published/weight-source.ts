/** Weights by name from a file of somebody else: PyTorch's, or safetensors. Numbers are read when they are asked for. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { looksLikeTorchFile, openTorchFile } from '../torch-files/open.js';
import { type CheckpointFacts, factsOf, stateOf } from './checkpoint-layout.js';

export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface WeightSource extends Disposable {
  readonly file: string;
  /** Of each tensor, without prefixes that all have (`module.`). */
  readonly shapes: Shapes;
  /** What the file says beside the weights. */
  readonly facts: CheckpointFacts;
  /** The open scope owns it. Throws UserError CHECKPOINT. */
  tensor(name: string): torch.Tensor;
}

export interface OpenWeightsOptions {
  /** `ema`: the averaged weights that are in the file beside those as trained. Default `raw`. */
  readonly weights?: 'ema' | 'raw' | undefined;
}

/** Whether a file has weights that this program has not written. Throws what `fs` throws. */
export function isForeign(file: string): boolean {
  return looksLikeTorchFile(file) || (file.endsWith('.safetensors') && !isOurs(file)) || /\.(pth|pt|tar)$/.test(file);
}

function isOurs(file: string): boolean {
  try {
    using opened = torch.safetensors.open(file);
    return (opened.metadata.format ?? '').startsWith('deit-lt ');
  } catch {
    return true; // whoever reads it says what is wrong
  }
}

/** Throws UserError CHECKPOINT for a file that cannot be read, or has no weights. */
export async function openWeights(file: string, options: OpenWeightsOptions = {}): Promise<WeightSource> {
  return file.endsWith('.safetensors') && !looksLikeTorchFile(file)
    ? openSafetensors(file)
    : openTorchWeights(file, options);
}

async function openTorchWeights(file: string, { weights = 'raw' }: OpenWeightsOptions): Promise<WeightSource> {
  const opened = await openTorchFile(file);
  try {
    const state = withoutPrefixes(stateOf(opened.value, weights, file));
    return {
      file,
      shapes: new Map([...state].map(([name, { shape }]) => [name, shape])),
      facts: factsOf(opened.value),
      tensor: (name) => opened.tensor(state.get(name)!),
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

function openSafetensors(file: string): WeightSource {
  try {
    const opened = torch.safetensors.open(file);
    const names = withoutPrefixes(new Map(opened.names.map((name) => [name, name])));
    return {
      file,
      shapes: new Map([...names].map(([name, full]) => [name, opened.infos.get(full)!.shape])),
      facts: {},
      tensor: (name) => opened.get(names.get(name)!),
      [Symbol.dispose]: () => opened.close(),
    };
  } catch (error) {
    throw new UserError('CHECKPOINT', `${file} cannot be used: ${(error as Error).message}.`, { cause: error });
  }
}

/** What wrappers for several cards, compilation and training put before all names. */
const prefixes = ['module.', '_orig_mod.', 'model.', 'backbone.', 'student.'];

/** `state` without the prefixes that all of its names have. */
export function withoutPrefixes<T>(state: ReadonlyMap<string, T>): Map<string, T> {
  const names = [...state.keys()];
  const prefix = prefixes.find((each) => names.length > 0 && names.every((name) => name.startsWith(each)));
  if (prefix === undefined) return new Map(state);
  return withoutPrefixes(new Map([...state].map(([name, value]) => [name.slice(prefix.length), value])));
}

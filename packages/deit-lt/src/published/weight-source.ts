/**
 * Weights by name from a file of another program: PyTorch's, or safetensors. Numbers are read when they are requested.
 */
import * as torch from '@deit-lt/torch';
import { fromMetadata } from '../description/formats.js';
import { fromHuggingFace } from '../description/hugging-face.js';
import type { ModelFacts } from '../description/model-description.js';
import { UserError } from '../errors.js';
import { passMachineFault } from '../machine-fault.js';
import { looksLikeTorchFile, openTorchFile } from '../torch-files/open.js';
import { factsOf, stateOf } from './checkpoint-layout.js';
import { withoutPrefixes } from './prefixes.js';

export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface WeightSource extends Disposable {
  readonly file: string;
  /** Shape of each tensor, without the prefixes of wrappers (`module.`). */
  readonly shapes: Shapes;
  /** Names that lack a prefix which others had: they may be of something beside the network. */
  readonly beside: ReadonlySet<string>;
  /** The description of the model in the file, or in a `config.json` beside it. */
  readonly facts: ModelFacts;
  /** The open scope owns it. Throws UserError CHECKPOINT. */
  tensor(name: string): torch.Tensor;
}

export interface OpenWeightsOptions {
  /** `ema`: the averaged weights that are in the file beside those as trained. Default `raw`. */
  readonly weights?: 'ema' | 'raw' | undefined;
}

/**
 * Returns whether another program wrote the weights of a file. Throws UserError CHECKPOINT for a path that is not a
 * file or cannot be read.
 */
export function isForeign(file: string): boolean {
  return (
    reading(file, () => looksLikeTorchFile(file)) ||
    (file.endsWith('.safetensors') && !isOurs(file)) ||
    /\.(pth|pt|tar)$/.test(file)
  );
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
    const { state, beside } = withoutPrefixes(stateOf(opened.value, weights, file), file);
    return {
      file,
      shapes: new Map([...state].map(([name, { shape }]) => [name, shape])),
      beside,
      facts: joined(factsOf(opened.value, file), file),
      tensor: (name) => opened.tensor(state.get(name)!),
      [Symbol.dispose]: () => opened[Symbol.dispose](),
    };
  } catch (error) {
    opened[Symbol.dispose]();
    throw error;
  }
}

function openSafetensors(file: string): WeightSource {
  const opened = reading(file, () => torch.safetensors.open(file));
  try {
    const { state, beside } = withoutPrefixes(new Map(opened.names.map((name) => [name, name])), file);
    return {
      file,
      shapes: new Map([...state].map(([name, full]) => [name, opened.infos.get(full)!.shape])),
      beside,
      facts: joined(fromMetadata(opened.metadata, file), file),
      tensor: (name) => reading(file, () => opened.get(state.get(name)!)),
      [Symbol.dispose]: () => opened.close(),
    };
  } catch (error) {
    opened.close();
    throw error;
  }
}

function reading<R>(file: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    passMachineFault(error);
    throw new UserError('CHECKPOINT', `${file} cannot be used: ${(error as Error).message}.`, { cause: error });
  }
}

/**
 * The description in the file has priority over the `config.json` of a Hugging Face folder. Throws UserError CHECKPOINT
 * when both describe the model, and differ.
 */
function joined(own: ModelFacts, file: string): ModelFacts {
  const folder = fromHuggingFace(file);
  const [ours, theirs] = [own.description, folder.description].map((each) => each && JSON.stringify(each));
  if (ours !== undefined && theirs !== undefined && ours !== theirs)
    throw new UserError(
      'CHECKPOINT',
      `${file} and the config.json beside it describe different models (deit_lt). Keep each model in its own folder.`,
    );
  return own.description === undefined ? { ...folder, ...own } : own;
}

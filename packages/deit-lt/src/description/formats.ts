/** The place of the description in each file format. Hugging Face folders: see `hugging-face.ts`. */
import type { PickleValue } from '../pickle/values.js';
import { headsOf } from './heads.js';
import { type ModelDescription, type ModelFacts, parseDescription } from './model-description.js';

/** The key in safetensors' and ONNX's metadata, in a `.pth`'s dictionary and in `config.json`. */
export const descriptionKey = 'deit_lt';

/** For metadata that are texts: safetensors and ONNX. */
export function toMetadata(description: ModelDescription): Record<string, string> {
  return { [descriptionKey]: JSON.stringify(description) };
}

/**
 * Reads the facts from a safetensors file's or an ONNX model's metadata, also from those of earlier versions. Throws
 * UserError CHECKPOINT.
 */
export function fromMetadata(metadata: Readonly<Record<string, string | undefined>>, file: string): ModelFacts {
  const text = metadata[descriptionKey];
  if (text !== undefined) return { description: parseDescription(parsed(text), file) };
  return olderFacts(parsed(metadata.classes), metadata.model);
}

/**
 * An entry of the dictionary that `torch.load(file, weights_only=True)` gives. Text: a dictionary of its own would have
 * fractions, which PyTorch 1.13 refuses there.
 */
export function toTorch(description: ModelDescription): [key: string, text: string] {
  return [descriptionKey, JSON.stringify(description)];
}

/**
 * Reads the facts from the dictionary of a `.pth`, also from those of earlier versions. Throws UserError CHECKPOINT.
 */
export function fromTorch(values: ReadonlyMap<unknown, PickleValue>, file: string): ModelFacts {
  const entry = values.get(descriptionKey);
  if (entry !== undefined)
    return { description: parseDescription(parsed(typeof entry === 'string' ? entry : undefined), file) };
  return olderFacts(values.get('class_names'), values.get('architecture'));
}

/** Class names, and the name of the network where it says how many heads there are. */
function olderFacts(names: unknown, architecture: unknown): ModelFacts {
  const classNames = namesIn(names);
  const numHeads = typeof architecture === 'string' ? headsOf(architecture) : undefined;
  return { ...(classNames && { classNames }), ...(numHeads && { numHeads }) };
}

/** Undefined for what is no JSON: other programs keep other things under the same names. */
export function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Texts that are names: numbers in their order are none. */
export function namesIn(value: unknown): readonly string[] | undefined {
  const fits = Array.isArray(value) && value.every((each) => typeof each === 'string');
  return fits && value.some((name, c) => name !== String(c)) ? value : undefined;
}

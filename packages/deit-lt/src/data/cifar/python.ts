/**
 * CIFAR's Python version: pickles of dictionaries with `data` (uint8 [n, 3072], or a plain string of those bytes) and
 * `labels` (CIFAR-10) or `fine_labels` (CIFAR-100); a third one has the class names.
 */
import { UserError } from '../../errors.js';
import { NumpyArray, numpyGlobals } from '../../pickle/numpy.js';
import { readPickle } from '../../pickle/reader.js';
import type { PickleValue } from '../../pickle/values.js';
import type { CifarBatch } from './batch.js';
import { type CifarLayout, imageBytes } from './layouts.js';

/** Throws `UserError` DATA_LAYOUT when the file is not such a pickle, or asks for more than data. */
export function readPythonBatch(content: Uint8Array, file: string, { dataset }: CifarLayout): CifarBatch {
  const entries = readDictionary(content, file);
  const bytes = pixelBytes(entries.get('data'), file);
  const labels = labelList(entries.get(dataset === 'cifar100' ? 'fine_labels' : 'labels'), file);
  if (bytes.length !== labels.length * imageBytes || labels.length === 0)
    throw new UserError('DATA_LAYOUT', `${file} has ${bytes.length / imageBytes} images but ${labels.length} labels`);
  return { file, labels, bytes, start: 0, stride: imageBytes };
}

/** The class names. Throws as `readPythonBatch`. */
export function readPythonNames(content: Uint8Array, file: string, { dataset }: CifarLayout): string[] {
  const key = dataset === 'cifar100' ? 'fine_label_names' : 'label_names';
  const names = readDictionary(content, file).get(key);
  if (!Array.isArray(names)) throw missing(file, key, 'a list of names');
  return names.map((name) => (name instanceof Uint8Array ? Buffer.from(name).toString('utf8') : String(name)));
}

function readDictionary(content: Uint8Array, file: string): Map<unknown, PickleValue> {
  let value: PickleValue;
  try {
    value = readPickle(content, { globals: numpyGlobals });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UserError('DATA_LAYOUT', `${file} cannot be read as a CIFAR pickle: ${reason}`, { cause });
  }
  if (!(value instanceof Map))
    throw new UserError('DATA_LAYOUT', `${file} does not contain a dictionary: it is not a CIFAR file`);
  return value;
}

function pixelBytes(value: PickleValue | undefined, file: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (!(value instanceof NumpyArray) || value.dtype !== 'u1' || value.fortran)
    throw missing(file, 'data', 'a row-by-row uint8 array');
  return value.bytes;
}

function labelList(value: PickleValue | undefined, file: string): Int32Array {
  if (!Array.isArray(value) || !value.every((label) => Number.isInteger(label)))
    throw missing(file, 'labels', 'a list of integers');
  return Int32Array.from(value as number[]);
}

function missing(file: string, key: string, expected: string): UserError {
  return new UserError('DATA_LAYOUT', `${file}: expected ${key} to be ${expected}; it is not a CIFAR file`);
}

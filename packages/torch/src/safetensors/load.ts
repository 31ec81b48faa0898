/** All tensors of a file, or of its bytes in memory, at once. */
import { describeValue } from '../errors.js';
import { checkNames } from '../options.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { SafetensorsError } from './error.js';
import { findTensor, open } from './file.js';
import { lengthBytes, parseHeader, readHeaderLength } from './header.js';
import { type LoadOptions, materialize } from './materialize.js';

/**
 * Reads a file's tensors by name, in the order of their data. The open scope owns them, as all new tensors.
 * Throws `SafetensorsError` as `open` and `get` do; then none is left.
 */
export function load(path: string, options: LoadOptions = {}): Map<string, Tensor> {
  const { device, names } = checkNames('safetensors.load()', options, ['device', 'names']);
  using file = open(path);
  const chosen = choose(file.infos, names, path);
  return tidy(() => new Map(chosen.map((name) => [name, file.get(name, device === undefined ? {} : { device })])));
}

/** Tensors from the bytes of a file, copied. Throws `SafetensorsError` for what is not valid. */
export function deserialize(bytes: Uint8Array | ArrayBuffer, options: LoadOptions = {}): Map<string, Tensor> {
  const { device, names } = checkNames('safetensors.deserialize()', options, ['device', 'names']);
  const data = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes;
  if (!(data instanceof Uint8Array))
    throw new SafetensorsError(
      'ARGUMENT',
      `deserialize takes a Uint8Array or an ArrayBuffer, got ${describeValue(bytes)}`,
    );
  const dataStart = lengthBytes + readHeaderLength(data, data.length);
  const { tensors } = parseHeader(data.subarray(lengthBytes, dataStart), data.length - dataStart);
  const byName = new Map(tensors.map((info) => [info.name, info]));
  return tidy(
    () =>
      new Map(
        choose(byName, names).map((name) => {
          const info = findTensor(byName, name);
          return [
            name,
            materialize(info, data.subarray(dataStart + info.begin, dataStart + info.end), { share: false, device }),
          ];
        }),
      ),
  );
}

/** The wanted names in the order of the data; unknown ones stay and fail when they are looked up. */
function choose(known: ReadonlyMap<string, unknown>, names: Iterable<string> | undefined, path?: string): string[] {
  if (names === undefined) return [...known.keys()];
  if (typeof names === 'string' || typeof names?.[Symbol.iterator] !== 'function') {
    throw new SafetensorsError('ARGUMENT', `names must be an array or a Set of strings, got ${describeValue(names)}`, {
      path,
    });
  }
  const wanted = new Set(names);
  const unknown = [...wanted].filter((name) => !known.has(name));
  return [...unknown, ...[...known.keys()].filter((name) => wanted.has(name))];
}

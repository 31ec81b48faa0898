/** Tensors to a file, or to its bytes in memory, as the reference library writes them. */

import { noGrad } from '../autograd/modes.js';
import { native } from '../binding/addon.js';
import { describeValue } from '../errors.js';
import { checkNames } from '../options.js';
import { disposedError, handleOf, TensorBase } from '../tensor/base.js';
import { describeTensor } from '../tensor/describe.js';
import { itemSize } from '../tensor/dtype.js';
import { tidy } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import { writeAtomically, writeFully } from './atomic.js';
import { alignmentRank, storedDTypeOf } from './dtypes.js';
import { quote, SafetensorsError } from './error.js';
import { buildHeader, lengthBytes, maxHeaderBytes, metadataKey, type StoredTensor } from './header.js';
import { hasLoneSurrogate } from './scanner.js';

/** Tensors by name. */
export type TensorMap = ReadonlyMap<string, Tensor> | Readonly<Record<string, Tensor>>;

export interface SaveOptions {
  /** Free text by name, kept in the header. */
  metadata?: Readonly<Record<string, string>>;
}

interface Source extends StoredTensor {
  tensor: Tensor;
}

/** Bytes that are in flight between a tensor and the disk. */
const stagingBytes = 8 << 20;

/**
 * Writes tensors by name: to a temporary file in the same folder, synced, then renamed, so that `path` is
 * the old file or the whole new one whatever happens. Tensors travel a piece at a time, row-major, from
 * whichever device they are on. Throws `SafetensorsError` before it touches the disk for what cannot be stored.
 */
export function save(path: string, tensors: TensorMap, options: SaveOptions = {}): void {
  const { metadata = {} } = checkNames('safetensors.save()', options, ['metadata']);
  if (typeof path !== 'string' || path === '')
    throw new SafetensorsError('ARGUMENT', `the path must be a string, got ${describeValue(path)}`);
  const { sources, header } = prepare(tensors, metadata, path);
  const largest = sources.reduce((most, { begin, end }) => Math.max(most, end - begin), 0);
  const staging = new Uint8Array(Math.min(largest, stagingBytes));
  writeAtomically(path, (fd) => {
    writeFully(fd, header);
    for (const source of sources) writeTensor(fd, source.tensor, staging);
  });
}

/** The bytes that `save` would write. Throws `SafetensorsError`; beyond 4 GiB `OUT_OF_MEMORY`. */
export function serialize(tensors: TensorMap, options: SaveOptions = {}): Uint8Array {
  const { metadata = {} } = checkNames('safetensors.serialize()', options, ['metadata']);
  const { sources, header } = prepare(tensors, metadata);
  const total = header.length + (sources.at(-1)?.end ?? 0);
  const bytes = allocate(total);
  bytes.set(header);
  for (const { tensor, begin, end } of sources) {
    if (end > begin) native().copyTo(handleOf(tensor), bytes.subarray(header.length + begin, header.length + end));
  }
  return bytes;
}

function allocate(total: number): Uint8Array {
  try {
    return new Uint8Array(total);
  } catch (cause) {
    throw new SafetensorsError('OUT_OF_MEMORY', `serialize: no array takes ${total} bytes; save to a file instead`, {
      cause,
    });
  }
}

function writeTensor(fd: number, tensor: Tensor, staging: Uint8Array): void {
  const step = Math.floor(staging.length / itemSize(tensor.dtype));
  if (tensor.numel() === 0) return;
  tidy(() =>
    noGrad(() => {
      const flat = tensor.detach().contiguous().view([-1]);
      const count = flat.numel();
      for (let from = 0; from < count; from += step) {
        const n = Math.min(step, count - from);
        const bytes = staging.subarray(0, n * itemSize(tensor.dtype));
        tidy(() => native().copyTo(handleOf(flat.narrow(0, from, n)), bytes));
        writeFully(fd, bytes);
      }
    }),
  );
}

/** Checks everything, and gives each tensor its place: the widest dtype first, then by name. */
function prepare(
  tensors: TensorMap,
  metadata: Readonly<Record<string, string>>,
  path?: string,
): { sources: Source[]; header: Uint8Array } {
  checkMetadata(metadata, path);
  const sources = entriesOf(tensors, path).map(([name, tensor]) => describeSource(name, tensor, path));
  const sortKeys = new Map(sources.map(({ name }) => [name, Buffer.from(name)]));
  const key = (name: string): Buffer => sortKeys.get(name) as Buffer;
  sources.sort((a, b) => alignmentRank(b.dtype) - alignmentRank(a.dtype) || Buffer.compare(key(a.name), key(b.name)));
  let offset = 0;
  for (const source of sources) {
    source.begin += offset;
    source.end += offset;
    offset = source.end;
  }
  const header = buildHeader(sources, metadata);
  const headerLength = header.length - lengthBytes;
  if (headerLength > maxHeaderBytes)
    throw new SafetensorsError('HEADER_LENGTH', 'the names and metadata are too long', {
      path,
      expected: `a header of at most ${maxHeaderBytes} bytes`,
      found: `${headerLength}`,
    });
  return { sources, header };
}

function entriesOf(tensors: TensorMap, path: string | undefined): [string, Tensor][] {
  if (tensors instanceof Map) return [...(tensors as ReadonlyMap<string, Tensor>)];
  if (tensors === null || typeof tensors !== 'object' || Array.isArray(tensors) || tensors instanceof TensorBase) {
    throw new SafetensorsError(
      'ARGUMENT',
      `the tensors must be a Map or an object by name, got ${describeValue(tensors)}`,
      { path },
    );
  }
  return Object.entries(tensors);
}

/** The tensor's entry as if it were the first. Throws for what no file can hold. */
function describeSource(name: string, tensor: Tensor, path: string | undefined): Source {
  const refuse = (why: string): never => {
    throw new SafetensorsError('ARGUMENT', why, { path, tensor: String(name) });
  };
  if (typeof name !== 'string') return refuse(`a name must be a string, got ${describeValue(name)}`);
  if (name === metadataKey) return refuse("this name is the format's own; give metadata as an option");
  if (hasLoneSurrogate(name)) return refuse('the name has half of a surrogate pair and no UTF-8 form');
  if (!(tensor instanceof TensorBase)) return refuse(`expected a Tensor, got ${describeValue(tensor)}`);
  if (tensor.handle <= 0) return refuse(disposedError(tensor).message);
  const { dtype, shape, layout, device } = tensor;
  if (layout !== 'strided') return refuse(`a ${layout} tensor has no row-major data; save toDense() of it`);
  if (device === 'meta') return refuse('a meta tensor has no data');
  const stored = storedDTypeOf(dtype);
  if (stored === undefined) return refuse(`the file cannot hold ${describeTensor(tensor)}; save viewAsReal() of it`);
  return {
    name,
    dtype: stored,
    shape,
    begin: 0,
    end: shape.reduce((product, size) => product * size, itemSize(dtype)),
    tensor,
  };
}

function checkMetadata(metadata: Readonly<Record<string, string>>, path: string | undefined): void {
  if (metadata === null || typeof metadata !== 'object' || Array.isArray(metadata))
    throw new SafetensorsError('METADATA', 'metadata', {
      path,
      expected: 'an object of strings',
      found: describeValue(metadata),
    });
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string')
      throw new SafetensorsError('METADATA', `metadata[${quote(key)}]`, {
        path,
        expected: 'a string',
        found: describeValue(value),
      });
    if (hasLoneSurrogate(key) || hasLoneSurrogate(value))
      throw new SafetensorsError('METADATA', `metadata[${quote(key)}] has half of a surrogate pair and no UTF-8 form`, {
        path,
      });
  }
}

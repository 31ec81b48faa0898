/** An open safetensors file: its header is read at once, each tensor on request. */
import fs from 'node:fs';
import type { Device } from '../devices.js';
import { describeValue, nearestName } from '../errors.js';
import { checkNames } from '../options.js';
import type { DType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';
import { dtypeOf, type UnsupportedDType } from './dtypes.js';
import { ioError, quote, SafetensorsError } from './error.js';
import { type Header, lengthBytes, parseHeader, readHeaderLength, type StoredTensor } from './header.js';
import { materialize, requireSupported } from './materialize.js';

export interface TensorInfo {
  /** PyTorch's name; the format's own (`U16`, `F8_E4M3`, …) for a type that this package has no tensors of. */
  readonly dtype: DType | UnsupportedDType;
  readonly shape: readonly number[];
  readonly byteLength: number;
}

/** Node takes at most 2^31 - 1 bytes in one read. */
const maxReadBytes = 1 << 30;

/** Closes what was dropped without `close()`. */
const forgotten = new FinalizationRegistry<number>((fd) => {
  try {
    fs.closeSync(fd);
  } catch {
    // The process has closed it in another way; nobody is left to tell.
  }
});

/** A file that `open` gave: names, shapes and metadata at once, tensors one by one. */
export class SafetensorsFile implements Disposable {
  /** The metadata of the file, from `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Every tensor by name, in the order of the data. */
  readonly infos: ReadonlyMap<string, TensorInfo>;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #dataStart: number;
  #fd: number | undefined;

  /** Use `open`. Owns `fd` from here on. */
  constructor(
    readonly path: string,
    fd: number,
    headerLength: number,
    header: Header,
  ) {
    this.#fd = fd;
    this.#dataStart = lengthBytes + headerLength;
    this.metadata = header.metadata;
    this.#tensors = new Map(header.tensors.map((tensor) => [tensor.name, tensor]));
    this.infos = new Map(
      header.tensors.map(({ name, dtype, shape, begin, end }) => [
        name,
        { dtype: dtypeOf(dtype), shape, byteLength: end - begin },
      ]),
    );
    forgotten.register(this, fd, this);
  }

  /** Names of all tensors, in the order of the data. */
  get names(): string[] {
    return [...this.infos.keys()];
  }

  /**
   * Reads one tensor and nothing else, straight into the memory that the tensor then has.
   * Throws `SafetensorsError` for an unknown name, a type without tensors here, and a file that has shrunk.
   */
  get(name: string, options: { device?: Device } = {}): Tensor {
    const { device } = checkNames('SafetensorsFile.get()', options, ['device']);
    const info = findTensor(this.#tensors, name, this.path);
    requireSupported(info, this.path);
    return materialize(info, this.#read(info), { share: true, device, path: this.path });
  }

  /** Closes the file; twice is harmless. Tensors that were read stay. */
  close(): void {
    if (this.#fd === undefined) return;
    forgotten.unregister(this);
    fs.closeSync(this.#fd);
    this.#fd = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #read(info: StoredTensor): ArrayBuffer {
    if (this.#fd === undefined)
      throw new SafetensorsError('CLOSED', 'the file was closed', { path: this.path, tensor: info.name });
    const memory = allocate(info, this.path);
    const read = readInto(this.#fd, memory, this.#dataStart + info.begin, this.path);
    if (read === memory.byteLength) return memory;
    throw new SafetensorsError('TRUNCATED', 'the file has become shorter since it was opened', {
      path: this.path,
      tensor: info.name,
      expected: `${memory.byteLength} bytes`,
      found: `${read}`,
    });
  }
}

/** Zero pages from the system, not touched before the read; may be larger than a typed array (4 GiB) can be. */
function allocate(info: StoredTensor, path: string): ArrayBuffer {
  try {
    return new ArrayBuffer(info.end - info.begin);
  } catch (cause) {
    throw new SafetensorsError('OUT_OF_MEMORY', `there is no memory for its ${info.end - info.begin} bytes`, {
      path,
      tensor: info.name,
      cause,
    });
  }
}

/** Fills `memory` from `position` on; returns how many bytes there were. */
function readInto(fd: number, memory: ArrayBuffer, position: number, path: string): number {
  let done = 0;
  while (done < memory.byteLength) {
    const chunk = new Uint8Array(memory, done, Math.min(maxReadBytes, memory.byteLength - done));
    let read: number;
    try {
      read = fs.readSync(fd, chunk, 0, chunk.length, position + done);
    } catch (cause) {
      throw ioError('read', path, cause);
    }
    if (read === 0) break;
    done += read;
  }
  return done;
}

/** Throws `NO_SUCH_TENSOR` with the nearest name. */
export function findTensor(tensors: ReadonlyMap<string, StoredTensor>, name: string, path?: string): StoredTensor {
  const info = tensors.get(name);
  if (info !== undefined) return info;
  const candidates = [...tensors.keys()].slice(0, 10_000).filter((known) => known.length < 200);
  const near = typeof name === 'string' && name.length < 200 ? nearestName(name, candidates) : undefined;
  throw new SafetensorsError(
    'NO_SUCH_TENSOR',
    `there is no tensor ${typeof name === 'string' ? quote(name) : describeValue(name)}${near === undefined ? '' : `; did you mean ${quote(near)}?`}`,
    { path },
  );
}

/**
 * Opens a file and checks its header; tensors are read by `get`. `using file = open(path)` closes it.
 * Throws `SafetensorsError` for a file that cannot be read or is not valid; nothing is allocated by what
 * the header claims.
 */
export function open(path: string): SafetensorsFile {
  if (typeof path !== 'string' || path === '')
    throw new SafetensorsError('ARGUMENT', `the path must be a string, got ${describeValue(path)}`);
  const fd = openFile(path);
  try {
    const size = fs.fstatSync(fd).size;
    const headerLength = readHeaderLength(readStart(fd, 0, lengthBytes, size, path), size, path);
    const header = parseHeader(
      readStart(fd, lengthBytes, headerLength, size, path),
      size - lengthBytes - headerLength,
      path,
    );
    return new SafetensorsFile(path, fd, headerLength, header);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function openFile(path: string): number {
  try {
    // Asked first, because opening a pipe would wait for its writer.
    const before = fs.statSync(path);
    if (before.isDirectory()) throw Object.assign(new Error('a folder'), { code: 'EISDIR' });
    if (!before.isFile()) throw new Error('it is a device, a pipe or a socket, not a file');
    return fs.openSync(path, 'r');
  } catch (cause) {
    throw ioError('open', path, cause);
  }
}

/** `length` bytes that the file's size promises, or those there are if it promises less. */
function readStart(fd: number, position: number, length: number, size: number, path: string): Uint8Array {
  const memory = new ArrayBuffer(Math.min(length, size - position));
  const read = readInto(fd, memory, position, path);
  if (read < memory.byteLength)
    throw new SafetensorsError('TRUNCATED', 'the file has become shorter since it was opened', {
      path,
      expected: `${memory.byteLength} bytes`,
      found: `${read}`,
    });
  return new Uint8Array(memory);
}

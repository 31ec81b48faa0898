/**
 * Opens what `torch.save` has written (`.pth`, `.pt`, `.pth.tar`), in either of its containers, without Python: what is
 * pickled in it is read as data, and any name that could run something is refused.
 * https://pytorch.org/docs/stable/notes/serialization.html
 */

import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { passMachineFault } from '../machine-fault.js';
import type { PickleValue } from '../pickle/values.js';
import type { TorchContainer } from './container.js';
import { FileReader } from './file-reader.js';
import { readLegacyContainer } from './legacy-container.js';
import type { PickledTensor } from './pickled-tensor.js';
import { readZipContainer } from './zip-container.js';

/** A small file may hold a tensor that repeats its numbers (`expand`) this far. */
const spareBytes = 1 << 20;

/** An open file: its object at once, tensors one by one. */
export class TorchFile implements Disposable {
  readonly #file: FileReader;
  readonly #container: TorchContainer;
  readonly #storages = new Map<string, torch.Tensor>();
  #bytes = 0;

  /** Use `openTorchFile`. */
  constructor(file: FileReader, container: TorchContainer) {
    this.#file = file;
    this.#container = container;
  }

  /** The object in it; tensors are `PickledTensor`. */
  get value(): PickleValue {
    return this.#container.value;
  }

  /**
   * A tensor with its numbers; tensors that share a storage share memory. The open scope owns it. Throws UserError
   * CHECKPOINT when it would take more memory than the file has bytes.
   */
  tensor({ storage, offset, shape, stride, repeatedBytes }: PickledTensor): torch.Tensor {
    this.#account(repeatedBytes);
    return torch.asStrided(this.#storage(storage), shape, stride, offset);
  }

  [Symbol.dispose](): void {
    for (const storage of this.#storages.values()) storage.dispose();
    this.#storages.clear();
    this.#file[Symbol.dispose]();
  }

  #storage(storage: PickledTensor['storage']): torch.Tensor {
    const name = `${storage.key} ${storage.dtype}`;
    const known = this.#storages.get(name);
    if (known !== undefined) return known;
    this.#account(storage.bytes);
    const bytes = reading(this.#file.path, () => this.#file.read(this.#container.locate(storage), storage.bytes));
    const { dtype, length } = storage;
    const tensor = torch.keep(fromMemory(bytes, dtype, length));
    this.#storages.set(name, tensor);
    return tensor;
  }

  #account(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#file.size + spareBytes)
      throw damaged(this.#file.path, 'its tensors would take far more memory than the file has bytes');
  }
}

/** A byte other than 0 and 1 as a bool is undefined behaviour in C++: a file must not bring one in. */
function fromMemory(memory: ArrayBuffer, dtype: torch.DType, length: number): torch.Tensor {
  return torch.tidy(() => {
    const bytes = new Uint8Array(memory);
    if (dtype === 'bool') return torch.fromBytes(bytes, { dtype: 'uint8', shape: [length] }).ne(0);
    return torch.fromBytes(bytes, { dtype, shape: [length] });
  });
}

/** Throws UserError CHECKPOINT for a file that cannot be read, is damaged, or has more than data. */
export async function openTorchFile(path: string): Promise<TorchFile> {
  let file: FileReader | undefined;
  try {
    file = new FileReader(path);
    return new TorchFile(file, isZip(file) ? await readZipContainer(file) : readLegacyContainer(file));
  } catch (error) {
    file?.[Symbol.dispose]();
    throw damaged(path, error);
  }
}

/** Returns whether the file begins as `torch.save` begins its files: a zip archive, or a pickle of the magic number. */
export function looksLikeTorchFile(path: string): boolean {
  using file = new FileReader(path);
  const start = Buffer.from(file.read(0, Math.min(14, file.size)));
  return isZip(file) || (start[0] === 0x80 && start.subarray(2).equals(legacyStart));
}

/** The magic number as a pickle has it, after the protocol. */
const legacyStart = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

function isZip(file: FileReader): boolean {
  return file.size >= 4 && new DataView(file.read(0, 4)).getUint32(0) === 0x504b0304; // "PK", 3, 4
}

function reading<R>(path: string, read: () => R): R {
  try {
    return read();
  } catch (error) {
    throw damaged(path, error);
  }
}

function damaged(path: string, why: unknown): UserError {
  if (why instanceof UserError) return why;
  passMachineFault(why);
  const reason = why instanceof Error ? why.message : String(why);
  return new UserError('CHECKPOINT', `${path} cannot be read as a PyTorch checkpoint: ${reason}.`, { cause: why });
}

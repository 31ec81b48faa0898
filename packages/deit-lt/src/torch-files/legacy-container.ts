/**
 * PyTorch's files before 1.6: five pickles (a magic number, the format's version, sizes of types, the object, the keys
 * of its storages), then for each key the number of elements and the bytes.
 */
import { itemSize } from '@deit-lt/torch';
import { CutOffError, PickleReader } from '../pickle/reader.js';
import { type PickleValue, textOf } from '../pickle/values.js';
import type { TorchContainer } from './container.js';
import type { FileReader } from './file-reader.js';
import { checkpointGlobals, PickledStorage } from './pickled-tensor.js';
import { type StorageRef, storageOf } from './storage.js';

const magic = 0x1950a86a20f9469cfc6cn;

/** The opcode of the protocol, with which every binary pickle begins. */
const pickleStart = 0x80;

/** The pickles are much smaller than the numbers, so that the beginning of the file usually has them. */
const firstBytes = 16 << 20;

interface Head {
  readonly value: PickleValue;
  readonly keys: readonly string[];
  readonly storages: ReadonlyMap<string, StorageRef>;
  /** Offset of the storages. */
  readonly end: number;
}

/** Throws Error with the reason for a file that is none, damaged, or has more than data. */
export function readLegacyContainer(file: FileReader): TorchContainer {
  if (new Uint8Array(file.read(0, Math.min(1, file.size)))[0] !== pickleStart)
    throw new Error('it is not a PyTorch file, or one of PyTorch before 0.1.10');
  const { value, keys, storages, end } = readHead(file);
  const starts = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    const storage = storages.get(key);
    if (storage === undefined) throw new Error(`it is damaged: storage ${key} belongs to no tensor`);
    const length = Number(new DataView(file.read(at, 8)).getBigInt64(0, true));
    if (length !== storage.length)
      throw new Error(`it is damaged: storage ${key} has ${length} elements, expected ${storage.length}`);
    starts.set(key, at + 8);
    at += 8 + length * itemSize(storage.dtype);
    if (at > file.size) throw new Error(`it is cut off: storage ${key} is incomplete`);
  }
  const locate = ({ key }: StorageRef): number => {
    const start = starts.get(key);
    if (start === undefined) throw new Error(`it is damaged: storage ${key} is missing`);
    return start;
  };
  for (const storage of storages.values()) locate(storage);
  return { value, locate };
}

/** Reads more of the file as long as its pickles have not ended. */
function readHead(file: FileReader): Head {
  for (let bytes = firstBytes; ; bytes *= 8) {
    const length = Math.min(bytes, file.size);
    try {
      return parseHead(new Uint8Array(file.read(0, length)));
    } catch (error) {
      if (!(error instanceof CutOffError) || length === file.size) throw error;
    }
  }
}

function parseHead(bytes: Uint8Array): Head {
  const storages = new Map<string, StorageRef>();
  const persistent = (id: PickleValue): PickledStorage => {
    if (Array.isArray(id) && (id[5] ?? null) !== null)
      throw new Error('it was saved by PyTorch before 0.4; load it with a newer PyTorch and save it again');
    const storage = storageOf(id);
    const known = storages.get(storage.key) ?? storage;
    if (known.dtype !== storage.dtype || known.length !== storage.length)
      throw new Error(`it is damaged: storage ${storage.key} has two sizes`);
    storages.set(storage.key, known);
    return new PickledStorage(known);
  };
  const reader = new PickleReader(bytes, { globals: checkpointGlobals, persistent });
  if (reader.read() !== magic) throw new Error('it is not a PyTorch file');
  reader.read(); // the format's version, 1001 since the beginning
  const system = reader.read();
  if (system instanceof Map && system.get('little_endian') === false)
    throw new Error('its bytes are in the order "big", which is not read here');
  const value = reader.read();
  const keys = reader.read();
  if (!Array.isArray(keys)) throw new Error('it is damaged (no list of storages)');
  return { value, keys: keys.map(textOf), storages, end: reader.position };
}

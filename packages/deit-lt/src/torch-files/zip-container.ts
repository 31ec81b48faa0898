/**
 * PyTorch's files since 1.6: a zip archive of `NAME/data.pkl` and a stored (never compressed) member `NAME/data/KEY` for
 * each storage. yauzl reads the directory of the archive, with zip64 and checks of names; nothing is unpacked.
 */
import yauzl from 'yauzl';
import { readPickle } from '../pickle/reader.js';
import type { PickleValue } from '../pickle/values.js';
import type { TorchContainer } from './container.js';
import type { FileReader } from './file-reader.js';
import { checkpointGlobals, PickledStorage } from './pickled-tensor.js';
import { type StorageRef, storageOf } from './storage.js';

interface Member {
  readonly start: number;
  readonly bytes: number;
}

/** Throws Error with the reason for a damaged archive, or one that has more than data. */
export async function readZipContainer(file: FileReader): Promise<TorchContainer> {
  const members = await readMembers(file);
  const name = [...members.keys()].find((each) => /^([^/]+\/)?data\.pkl$/.test(each));
  if (name === undefined) {
    const script = [...members.keys()].some((each) => each.includes('/code/'));
    throw new Error(script ? 'it is a TorchScript program, not a checkpoint' : 'it is a zip archive without data.pkl');
  }
  const folder = name.slice(0, -'data.pkl'.length);
  requireLittleEndian(file, members.get(`${folder}byteorder`));
  const locate = ({ key, bytes }: StorageRef): number => {
    const member = members.get(`${folder}data/${key}`);
    if (member === undefined) throw new Error(`it is damaged: storage ${key} is missing`);
    if (member.bytes === bytes) return member.start;
    throw new Error(`it is damaged: storage ${key} has ${member.bytes} bytes, expected ${bytes}`);
  };
  const persistent = (id: PickleValue): PickledStorage => {
    const storage = storageOf(id);
    locate(storage);
    return new PickledStorage(storage);
  };
  const pickle = bytesOf(file, members.get(name)!);
  return { value: readPickle(pickle, { globals: checkpointGlobals, persistent }), locate };
}

function bytesOf(file: FileReader, { start, bytes }: Member): Uint8Array {
  return new Uint8Array(file.read(start, bytes));
}

function requireLittleEndian(file: FileReader, member: Member | undefined): void {
  const order = member === undefined ? 'little' : Buffer.from(bytesOf(file, member)).toString('latin1');
  if (order !== 'little') throw new Error(`its bytes are in the order "${order.slice(0, 16)}", which is not supported`);
}

/** yauzl's own reader of files throws where nobody can catch it when a damaged archive points far beyond the file's end. */
class CheckedReader extends yauzl.RandomAccessReader {
  readonly #file: FileReader;

  constructor(file: FileReader) {
    super();
    this.#file = file;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, read?: number) => void,
  ): void {
    try {
      buffer.set(new Uint8Array(this.#file.read(position, length)), offset);
    } catch (error) {
      setImmediate(done, error as Error);
      return;
    }
    setImmediate(done, null, length);
  }

  override _readStreamForRange(): never {
    throw new Error('internal: members are read by their place in the file');
  }
}

/** All members by name. Each lies within the file. */
async function readMembers(file: FileReader): Promise<Map<string, Member>> {
  const reader = new CheckedReader(file);
  const archive = await yauzl.fromRandomAccessReaderPromise(reader, file.size, { lazyEntries: true, autoClose: false });
  const members = new Map<string, Member>();
  for await (const entry of archive.eachEntry()) {
    const { fileName, compressionMethod, compressedSize: bytes } = entry;
    if (compressionMethod !== 0 || entry.isEncrypted() || bytes !== entry.uncompressedSize)
      throw new Error(`its member ${fileName} is compressed or encrypted, which PyTorch never does`);
    const { fileDataStart: start } = await archive.readLocalFileHeaderPromise(entry, { minimal: true });
    if (start + bytes > file.size) throw new Error(`it is cut off: its member ${fileName} is incomplete`);
    members.set(fileName, { start, bytes });
  }
  return members;
}

/**
 * The index of a large collection of image files, which is kept between runs: its images, the prints of its folders,
 * and the result of checking each file. One file with a checksum in the cache folder: a line with the length of the
 * header, the header (JSON), and the blocks of numbers that it lists.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { BadFile } from '../bad-file.js';
import { markUsed, removeOldest, sealBytes, sealOf, writeSealed } from '../cache/cache-file.js';
import { PackedPaths } from '../file-paths.js';
import type { OpenContext } from '../open-options.js';
import type { Stamp } from './stamps.js';

/** The results of checking n files. */
export interface FileFacts {
  /** Fingerprints as `printOf` returns them. */
  readonly prints: Float64Array;
  /** Width and height in pixels, 0 where not known: 2·n numbers. */
  readonly sizes: Int32Array;
  /** For each file, a value of `levels`. */
  readonly levels: Uint8Array;
}

/** Levels of checking a file: not checked or bad, only its header, all of it. */
export const levels = { none: 0, header: 1, decoded: 2 } as const;

export interface IndexedSplit {
  readonly paths: PackedPaths;
  readonly labels: Int32Array;
  /** The print of each folder of `paths`. */
  readonly folderPrints: Float64Array;
  readonly facts: FileFacts;
  /** Messages by the number of the file. */
  readonly bad: ReadonlyMap<number, BadFile>;
}

export interface FileIndex {
  readonly classNames: readonly string[];
  /** Messages of the source when it listed the images. */
  readonly notes: readonly string[];
  /** Prints of everything that determines the list of images. */
  readonly inputs: readonly Stamp[];
  readonly train: IndexedSplit;
  readonly test: IndexedSplit | undefined;
}

/** Increase when the format changes. */
const format = 'deit-lt file index 2';
/** Only the newest are kept. */
const maxKept = 20;

/** The blocks in the order in which they are written. */
const blockTypes = {
  folderOf: Int32Array,
  names: Uint8Array,
  ends: Int32Array,
  labels: Int32Array,
  folderPrints: Float64Array,
  prints: Float64Array,
  sizes: Int32Array,
  levels: Uint8Array,
} as const;
const blockNames = Object.keys(blockTypes) as (keyof typeof blockTypes)[];
type Block = Int32Array | Uint8Array | Float64Array;

interface SplitHeader {
  readonly folders: readonly string[];
  readonly bad: readonly (readonly [number, BadFile])[];
  readonly lengths: readonly number[];
}

interface Header extends Pick<FileIndex, 'classNames' | 'notes' | 'inputs'> {
  readonly format: string;
  readonly train: SplitHeader;
  readonly test: SplitHeader | null;
}

/** The options that determine the images of a data set. */
export type ListingOptions = Pick<OpenContext, 'root' | 'testSplit' | 'evaluation' | 'takesAll'>;

/** The cache file of `spec` (as `openDataset` takes it) and how it was opened. */
export function indexFile(cacheDir: string, spec: string, options: ListingOptions): string {
  const { root, testSplit = null, evaluation, takesAll } = options;
  const places = spec.split(',').map((part) => path.resolve(part.trim()));
  const key = JSON.stringify([places, root === undefined ? null : path.resolve(root), testSplit, evaluation, takesAll]);
  return path.join(cacheDir, 'index', `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.bin`);
}

/** Replaces `file`. Throws the system's error. */
export async function writeIndex(file: string, { train, test, ...rest }: FileIndex): Promise<void> {
  const splits = [train, ...(test === undefined ? [] : [test])];
  const header: Header = {
    format,
    ...rest,
    train: headerOf(train),
    test: test === undefined ? null : headerOf(test),
  };
  const json = Buffer.from(JSON.stringify(header));
  await writeSealed(file, [lengthLine(json.length), json, ...splits.flatMap(blocksOf).map(bytesOf)]);
  await removeOldest(path.dirname(file), maxKept);
}

const lengthDigits = 15;
const lengthLine = (length: number): Buffer => Buffer.from(`${String(length).padStart(lengthDigits)}\n`);

function blocksOf({ paths, labels, folderPrints, facts }: IndexedSplit): Block[] {
  const blocks = { ...paths.parts, labels, folderPrints, ...facts };
  return blockNames.map((name) => blocks[name]);
}

function headerOf(split: IndexedSplit): SplitHeader {
  const { paths, bad } = split;
  return { folders: paths.parts.folders, bad: [...bad], lengths: blocksOf(split).map(({ length }) => length) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Block): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Reads the index in `file`; undefined if there is none, or it cannot be read, has another version or is damaged. */
export async function readIndex(file: string): Promise<FileIndex | undefined> {
  let handle: number | undefined;
  try {
    handle = fs.openSync(file, 'r');
    const index = read(new Reader(handle));
    if (index !== undefined) await markUsed(file);
    return index;
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) fs.closeSync(handle);
  }
}

function read(reader: Reader): FileIndex | undefined {
  const seal = reader.bytes(sealBytes).toString();
  const hash = createHash('sha256');
  reader.onBytes = (bytes) => hash.update(bytes);
  const length = Number(reader.bytes(lengthDigits + 1).toString());
  const header = JSON.parse(reader.bytes(length).toString()) as Header;
  if (header.format !== format) return undefined;
  const { classNames, notes, inputs } = header;
  const train = readSplit(reader, header.train);
  const test = header.test === null ? undefined : readSplit(reader, header.test);
  return reader.left === 0 && sealOf(hash) === seal ? { classNames, notes, inputs, train, test } : undefined;
}

/** Each block has its own memory, so that unused blocks can be released. */
function readSplit(reader: Reader, { folders, bad, lengths }: SplitHeader): IndexedSplit {
  const blocks = Object.fromEntries(
    blockNames.map((name, i) => {
      reader.require(lengths[i]! * blockTypes[name].BYTES_PER_ELEMENT);
      const block = new blockTypes[name](lengths[i]!);
      reader.fill(new Uint8Array(block.buffer));
      return [name, block];
    }),
  ) as unknown as Record<'folderOf' | 'ends' | 'labels' | 'sizes', Int32Array> &
    Record<'names' | 'levels', Uint8Array> &
    Record<'folderPrints' | 'prints', Float64Array>;
  const { folderOf, names, ends, labels, folderPrints, ...facts } = blocks;
  const paths = new PackedPaths({ folders, folderOf, names, ends });
  return { paths, labels, folderPrints, facts, bad: new Map(bad) };
}

/** Reads a file from its beginning on; a file that is too short is an error. */
class Reader {
  /** Bytes that were not read yet. */
  left: number;
  /** Gets all that is read. */
  onBytes: (bytes: Uint8Array) => void = () => {};

  constructor(readonly handle: number) {
    this.left = fs.fstatSync(handle).size;
  }

  /** Throws RangeError when fewer than `length` bytes are left: no memory is taken for what a damaged header claims. */
  require(length: number): void {
    if (!(length <= this.left)) throw new RangeError('the index ends too early');
  }

  bytes(length: number): Buffer {
    this.require(length);
    const bytes = Buffer.alloc(length);
    this.fill(bytes);
    return bytes;
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const read = fs.readSync(this.handle, bytes, at, Math.min(bytes.length - at, 2 ** 30), null);
      if (read === 0) throw new RangeError('the index ends too early');
      at += read;
    }
    this.left -= bytes.length;
    this.onBytes(bytes);
  }
}

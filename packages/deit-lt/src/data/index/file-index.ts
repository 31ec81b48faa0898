/**
 * What is remembered of a large collection of image files between runs: which images there are, when their folders were
 * last changed, and what a look at each file showed. One file in the cache folder: a line with the length of the header,
 * the header (JSON), and the blocks of numbers that it lists.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { BadFile } from '../bad-file.js';
import { markUsed, removeOldest, writeWhole } from '../cache/cache-file.js';
import { PackedPaths } from '../file-paths.js';
import type { Stamp } from './stamps.js';

/** What a look at each of n files showed. */
export interface FileFacts {
  /** Length in bytes, −1 where there is no file. */
  readonly bytes: Float64Array;
  /** Time of change, as in `Stamp`. */
  readonly times: Float64Array;
  /** Width and height in pixels, 0 where not known: 2·n numbers. */
  readonly sizes: Int32Array;
  /** Of each file, a value of `levels`. */
  readonly levels: Uint8Array;
}

/** How closely a file was looked at: not at all or it is bad, its header, all of it. */
export const levels = { none: 0, header: 1, decoded: 2 } as const;

export interface IndexedSplit {
  readonly paths: PackedPaths;
  readonly labels: Int32Array;
  /** Time of change of each folder of `paths`. */
  readonly folderTimes: Float64Array;
  readonly facts: FileFacts;
  /** By the number of the file. */
  readonly bad: ReadonlyMap<number, BadFile>;
}

export interface FileIndex {
  readonly classNames: readonly string[];
  /** What the source had to say when it listed the images. */
  readonly notes: readonly string[];
  /** Of what decides which images there are. */
  readonly inputs: readonly Stamp[];
  readonly train: IndexedSplit;
  readonly test: IndexedSplit | undefined;
}

/** Raise when the content changes. */
const format = 'deit-lt file index 2';
/** Only the newest are kept. */
const maxKept = 20;

/** In the order in which they are written. */
const blockTypes = {
  folderOf: Int32Array,
  names: Uint8Array,
  ends: Int32Array,
  labels: Int32Array,
  folderTimes: Float64Array,
  bytes: Float64Array,
  times: Float64Array,
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
  readonly sha256: string;
  readonly train: SplitHeader;
  readonly test: SplitHeader | null;
}

/** The file that remembers `spec` (as `openDataset` takes it) and `root`. */
export function indexFile(cacheDir: string, spec: string, root: string | undefined): string {
  const places = spec.split(',').map((part) => path.resolve(part.trim()));
  const key = JSON.stringify([places, root === undefined ? null : path.resolve(root)]);
  return path.join(cacheDir, 'index', `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.bin`);
}

/** Replaces `file`. Throws what the system says. */
export async function writeIndex(file: string, { train, test, ...rest }: FileIndex): Promise<void> {
  const splits = [train, ...(test === undefined ? [] : [test])];
  const blocks = splits.flatMap(blocksOf).map(bytesOf);
  const hash = createHash('sha256');
  for (const block of blocks) hash.update(block);
  const header: Header = {
    format,
    sha256: hash.digest('hex'),
    ...rest,
    train: headerOf(train),
    test: test === undefined ? null : headerOf(test),
  };
  const json = Buffer.from(JSON.stringify(header));
  await writeWhole(file, [lengthLine(json.length), json, ...blocks]);
  await removeOldest(path.dirname(file), maxKept);
}

const lengthDigits = 15;
const lengthLine = (length: number): Buffer => Buffer.from(`${String(length).padStart(lengthDigits)}\n`);

function blocksOf({ paths, labels, folderTimes, facts }: IndexedSplit): Block[] {
  const blocks = { ...paths.parts, labels, folderTimes, ...facts };
  return blockNames.map((name) => blocks[name]);
}

function headerOf(split: IndexedSplit): SplitHeader {
  const { paths, bad } = split;
  return { folders: paths.parts.folders, bad: [...bad], lengths: blocksOf(split).map(({ length }) => length) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Block): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** What `file` remembers; undefined when there is nothing, or it is of another version or damaged. */
export async function readIndex(file: string): Promise<FileIndex | undefined> {
  if (!fs.existsSync(file)) return undefined;
  const handle = fs.openSync(file, 'r');
  try {
    const index = read(new Reader(handle));
    if (index !== undefined) await markUsed(file);
    return index;
  } catch {
    return undefined;
  } finally {
    fs.closeSync(handle);
  }
}

function read(reader: Reader): FileIndex | undefined {
  const length = Number(reader.bytes(lengthDigits + 1).toString());
  const header = JSON.parse(reader.bytes(length).toString()) as Header;
  if (header.format !== format) return undefined;
  const hash = createHash('sha256');
  const { classNames, notes, inputs } = header;
  const train = readSplit(reader, header.train, hash);
  const test = header.test === null ? undefined : readSplit(reader, header.test, hash);
  return hash.digest('hex') === header.sha256 ? { classNames, notes, inputs, train, test } : undefined;
}

interface Hash {
  update(bytes: Uint8Array): unknown;
}

/** Each block is memory of its own, so that what is no longer needed can go. */
function readSplit(reader: Reader, { folders, bad, lengths }: SplitHeader, hash: Hash): IndexedSplit {
  const blocks = Object.fromEntries(
    blockNames.map((name, i) => {
      const block = new blockTypes[name](lengths[i]!);
      const bytes = new Uint8Array(block.buffer);
      reader.fill(bytes);
      hash.update(bytes);
      return [name, block];
    }),
  ) as unknown as Record<'folderOf' | 'ends' | 'labels' | 'sizes', Int32Array> &
    Record<'names' | 'levels', Uint8Array> &
    Record<'folderTimes' | 'bytes' | 'times', Float64Array>;
  const { folderOf, names, ends, labels, folderTimes, ...facts } = blocks;
  const paths = new PackedPaths({ folders, folderOf, names, ends });
  return { paths, labels, folderTimes, facts, bad: new Map(bad) };
}

/** Reads a file from its beginning on; a file that is too short is an error. */
class Reader {
  constructor(readonly handle: number) {}

  bytes(length: number): Buffer {
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
  }
}

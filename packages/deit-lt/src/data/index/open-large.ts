/**
 * Data sets of so many image files that decoding them all before each training would take hours. They are listed and
 * checked once; the results are cached, and later starts only check whether they are still valid.
 */
import { settleBad, withoutBad } from '../check-files.js';
import type { Dataset, ImageSplit } from '../dataset.js';
import { imageSize } from '../decode/decode.js';
import { DecodePool } from '../decode/decode-pool.js';
import { PackedPaths } from '../file-paths.js';
import { fileSplit } from '../file-split.js';
import { defaultMaxBytes } from '../image-files.js';
import type { OpenContext, OpenOptions } from '../open-options.js';
import { checkSplit, uncheckedSplit } from './check-split.js';
import { type FileIndex, type IndexedSplit, indexFile, readIndex, writeIndex } from './file-index.js';
import { allHold, type Stamp, stampOf } from './stamps.js';

/** A data set as its source listed it. */
export interface Listing {
  readonly dataset: Dataset;
  readonly notes: readonly string[];
  readonly inputs: readonly Stamp[];
}

/** Stores the results and messages of `list`. */
export async function listed(context: OpenContext, list: (context: OpenContext) => Promise<Dataset>): Promise<Listing> {
  const notes: string[] = [];
  const inputs = new Map<string, Stamp>();
  const reads = (file: string): void => {
    if (!inputs.has(file)) inputs.set(file, stampOf(file)); // before it is read: later changes show
  };
  const log = (line: string): void => {
    notes.push(line);
    context.log(line);
  };
  const dataset = await list({ ...context, reads, log });
  return { dataset, notes, inputs: [...inputs.values()] };
}

/** The index of a data set. */
export interface Remembered {
  readonly file: string;
  readonly index: FileIndex | undefined;
  /** The listing of `index`, when it is still valid. */
  readonly listing: Listing | undefined;
}

/** Returns the index of `spec` and repeats the messages of the source. */
export async function remembered(spec: string, context: OpenContext): Promise<Remembered> {
  const { cacheDir, log } = context;
  const file = indexFile(cacheDir, spec, context);
  const index = await readIndex(file);
  if (index === undefined || !allHold(index.inputs)) return { file, index, listing: undefined };
  for (const note of index.notes) log(note);
  const { classNames, notes, inputs, train, test } = index;
  const splitOf = ({ paths, labels }: IndexedSplit): ImageSplit => fileSplit(paths, labels);
  const dataset = { name: spec, classNames, train: splitOf(train), ...(test && { test: splitOf(test) }) };
  return { file, index, listing: { dataset, notes, inputs } };
}

/** More files than this are not decoded before a training, unless they are small and fit into memory. */
export const manyFiles = 50_000;

/** Returns whether the files of `dataset` are to be indexed, and not decoded at every start. */
export async function isLarge(
  { train, test }: Dataset,
  { checkFiles = 'auto', maxBytes }: OpenOptions,
): Promise<boolean> {
  const splits = [train, ...(test === undefined ? [] : [test])];
  if (!splits.every(({ images }) => images.kind === 'files')) return false;
  if (checkFiles === 'headers') return true;
  const files = splits.reduce((sum, { labels }) => sum + labels.length, 0);
  const sampled = train.labels.length > 0 ? train : test!;
  return files > manyFiles && !(await comesIntoMemory(sampled, maxBytes ?? defaultMaxBytes()));
}

const sampledSizes = 16;

/** Returns whether a sample of the images has one size, and all would fit into `maxBytes`. */
async function comesIntoMemory({ images }: ImageSplit, maxBytes: number): Promise<boolean> {
  const areas = new Set<string>();
  let bytes = 0;
  for (let i = 0; i < sampledSizes; i++) {
    const file = images.nameOf(Math.floor((i * images.length) / sampledSizes));
    const size = await imageSize(file).catch(() => undefined);
    if (size === undefined) continue;
    areas.add(`${size.width} × ${size.height}`);
    bytes = images.length * size.width * size.height * 3;
  }
  return areas.size === 1 && bytes <= maxBytes;
}

/**
 * The data set of `listing` without files that cannot be read; all files are checked now or were before. Throws UserError
 * DATA_BAD_FILES unless they are to be skipped, and the signal's reason; the checks that were done by then are cached.
 */
export async function openLarge(
  { dataset, notes, inputs }: Listing,
  { file, index: prior }: Remembered,
  options: OpenOptions,
): Promise<Dataset> {
  const { checkFiles = 'auto', log, signal, onProgress } = options;
  const decode = checkFiles === 'decode';
  const parts = listedParts(dataset);
  await using pool = new DecodePool();
  const shared = { pool, decode, onProgress, signal };
  const train = await checkSplit(parts.train, prior?.train, { ...shared, what: 'checking train images' });
  const test =
    parts.test !== undefined && train.stopped === undefined
      ? await checkSplit(parts.test, prior?.test, { ...shared, what: 'checking test images' })
      : undefined;
  const testSplit = test?.split ?? (parts.test && uncheckedSplit(parts.test, prior?.test));
  const stopped = train.stopped ?? test?.stopped;
  if (train.looked + (test?.looked ?? 0) > 0 || inputs !== prior?.inputs) {
    const index = { classNames: dataset.classNames, notes, inputs, train: train.split, test: testSplit };
    const kept = await keep(file, index, log);
    const read = train.read + (test?.read ?? 0);
    if (stopped === undefined && read > 0) log?.(readNote(read, { decode, kept, file }));
  }
  if (stopped !== undefined) throw stopped.reason;
  const bad = [...train.split.bad.values(), ...(testSplit?.bad.values() ?? [])];
  settleBad(bad, dataset.train.labels.length + (dataset.test?.labels.length ?? 0), options);
  return { ...dataset, train: goodOf(train.split), ...(testSplit && { test: goodOf(testSplit) }) };
}

function readNote(read: number, { decode, kept, file }: { decode: boolean; kept: boolean; file: string }): string {
  const how = decode ? 'decoded' : 'checked by their headers (--check decode reads all of them)';
  return `${read.toLocaleString('en-US')} image files ${how}${kept ? `; remembered in ${file}` : ''}`;
}

function listedParts({ train, test }: Dataset) {
  const packed = ({ images, labels }: ImageSplit) => {
    if (images.kind === 'files' && images.paths instanceof PackedPaths) return { paths: images.paths, labels };
    throw new Error('internal: the images of a large data set have no packed paths');
  };
  return { train: packed(train), test: test && packed(test) };
}

function goodOf({ paths, labels, facts, bad }: IndexedSplit): ImageSplit {
  return withoutBad(fileSplit(paths, labels, facts.sizes), bad);
}

/** A cache that cannot be written is not a failure. */
async function keep(file: string, index: FileIndex, log: OpenOptions['log']): Promise<boolean> {
  try {
    await writeIndex(file, index);
    return true;
  } catch (error) {
    log?.(`the index of the image files is not cached: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

/** Finds images that are in a data set more than once: in both splits (the test is then no test) or within training. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import type { Dataset, Images, MemoryImages } from './dataset.js';
import { forEachBounded } from './decode/bounded.js';
import { decodeImage } from './decode/decode.js';

/** One of the places where an image is. */
export interface Occurrence {
  readonly split: 'train' | 'test';
  readonly index: number;
  readonly label: number;
  readonly name: string;
}

export interface Duplicates {
  /** Sets of two or more equal images, by their first place. */
  readonly groups: readonly (readonly Occurrence[])[];
  /** Test images that are training images too. */
  readonly testInTrain: number;
  /** Training images beyond the first of their set. */
  readonly withinTrain: number;
  /** Sets whose images have different labels. */
  readonly conflicting: number;
}

export interface DuplicatesOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Compares all images by SHA-256: of the decoded pixels for images in memory, of the file's bytes when all are files.
 * Of files only those are read whole that agree with another in length and in the bytes at their middle.
 * Throws `UserError` DATA_BAD_FILES when a file must be decoded and cannot be.
 */
export async function findDuplicates(dataset: Dataset, { signal }: DuplicatesOptions = {}): Promise<Duplicates> {
  const places = placesOf(dataset);
  const { train, test } = dataset;
  const allFiles = [train, test].every((split) => split === undefined || split.images.kind === 'files');
  const ids = allFiles ? await alikeFiles(places, signal) : Int32Array.from({ length: places.count }, (_, id) => id);
  const byHash = new Map<string, number[]>();
  const hashes = await hashesOf(places, ids, allFiles, signal);
  ids.forEach((id, i) => {
    const group = byHash.get(hashes[i]!);
    if (group === undefined) byHash.set(hashes[i]!, [id]);
    else group.push(id);
  });
  const groups = [...byHash.values()].filter((group) => group.length > 1);
  return summarize(groups.map((group) => group.map((id) => places.at(id))));
}

/** The images of both splits under one number, training images first. */
interface Places {
  readonly count: number;
  imagesOf(id: number): { images: Images; index: number };
  at(id: number): Occurrence;
}

function placesOf({ train, test }: Dataset): Places {
  const inTrain = train.labels.length;
  const find = (id: number) =>
    id < inTrain
      ? { split: 'train' as const, images: train.images, labels: train.labels, index: id }
      : { split: 'test' as const, images: test!.images, labels: test!.labels, index: id - inTrain };
  return {
    count: inTrain + (test?.labels.length ?? 0),
    imagesOf: find,
    at: (id) => {
      const { split, images, labels, index } = find(id);
      return { split, index, label: labels[index]!, name: images.nameOf(index) };
    },
  };
}

function summarize(groups: readonly (readonly Occurrence[])[]): Duplicates {
  let testInTrain = 0;
  let withinTrain = 0;
  let conflicting = 0;
  for (const group of groups) {
    const inTrain = group.filter(({ split }) => split === 'train').length;
    if (inTrain > 0) testInTrain += group.length - inTrain;
    withinTrain += Math.max(0, inTrain - 1);
    if (group.some(({ label }) => label !== group[0]!.label)) conflicting++;
  }
  return { groups, testInTrain, withinTrain, conflicting };
}

/** The files that have the length of another, and the same bytes at the middle. */
async function alikeFiles(places: Places, signal: AbortSignal | undefined): Promise<Int32Array> {
  const all = Int32Array.from({ length: places.count }, (_, id) => id);
  const bytes = new Float64Array(places.count);
  const fileOf = (id: number): string => {
    const { images, index } = places.imagesOf(id);
    return images.nameOf(index);
  };
  const measure = async (i: number): Promise<void> => {
    bytes[i] = (await fs.stat(fileOf(i))).size;
  };
  await forEachBounded(all.length, measure, { limit: 32, signal });
  const alike = repeated(all, bytes);
  const prints = new Float64Array(places.count);
  const look = async (i: number): Promise<void> => {
    prints[alike[i]!] = await printOf(fileOf(alike[i]!), bytes[alike[i]!]!);
  };
  await forEachBounded(alike.length, look, { limit: 32, signal });
  return repeated(alike, prints);
}

/** Those of `ids` whose key another has too, in the same order. */
function repeated(ids: Int32Array, keys: Float64Array): Int32Array {
  const sorted = ids.slice().sort((a, b) => keys[a]! - keys[b]!);
  const isRepeated = new Uint8Array(keys.length);
  for (let i = 1; i < sorted.length; i++)
    if (keys[sorted[i]!] === keys[sorted[i - 1]!]) isRepeated[sorted[i]!] = isRepeated[sorted[i - 1]!] = 1;
  return ids.filter((id) => isRepeated[id] === 1);
}

/** Bytes from the middle of the file: for photographs they differ almost as surely as the whole file. */
const printBytes = 1024;

/** 48 bits of the SHA-256 of length and middle bytes. */
async function printOf(file: string, size: number): Promise<number> {
  const middle = Buffer.allocUnsafe(Math.min(size, printBytes));
  const handle = await fs.open(file);
  try {
    await handle.read(middle, 0, middle.length, Math.floor((size - middle.length) / 2));
  } finally {
    await handle.close();
  }
  return createHash('sha256').update(`${size}\n`).update(middle).digest().readUIntBE(0, 6);
}

/** The hash of each of `ids`: of the file's bytes, or of the pixels. */
async function hashesOf(
  places: Places,
  ids: Int32Array,
  ofFiles: boolean,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const hashes = new Array<string>(ids.length);
  const hashOne = async (i: number): Promise<void> => {
    const { images, index } = places.imagesOf(ids[i]!);
    if (images.kind === 'memory') hashes[i] = hashOfPixels(images, index);
    else if (ofFiles) hashes[i] = await hashOfFile(images.paths.get(index));
    else hashes[i] = hashPixels(await decodeImage(images.paths.get(index)));
  };
  await forEachBounded(ids.length, hashOne, { limit: os.availableParallelism(), signal });
  return hashes;
}

function hashOfPixels({ width, height, pixels }: MemoryImages, index: number): string {
  const bytes = width * height * 3;
  return hashPixels({ width, height, pixels: pixels.subarray(index * bytes, (index + 1) * bytes) });
}

function hashPixels({ width, height, pixels }: { width: number; height: number; pixels: Uint8Array }): string {
  return createHash('sha256').update(`${width}x${height}\n`).update(pixels).digest('base64');
}

async function hashOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('base64');
}

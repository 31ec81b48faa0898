/** Finds images that are in a data set more than once: in both splits (the test is then no test) or within training. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import { forEachBounded } from './bounded.js';
import type { Dataset, FileImages, Images, MemoryImages } from './dataset.js';
import { decodeImage } from './decode.js';

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
 * Throws `UserError` DATA_BAD_FILES when a file must be decoded and cannot be.
 */
export async function findDuplicates(dataset: Dataset, { signal }: DuplicatesOptions = {}): Promise<Duplicates> {
  const allFiles = [dataset.train, dataset.test].every((split) => split === undefined || split.images.kind === 'files');
  const sizes = allFiles ? await repeatedSizes(dataset, signal) : undefined;
  const byHash = new Map<string, Occurrence[]>();
  for (const split of ['train', 'test'] as const) {
    const { images, labels } = dataset[split] ?? {};
    if (images === undefined || labels === undefined) continue;
    const hashes = await hashesOf(images, sizes, signal);
    hashes.forEach((hash, index) => {
      if (hash === undefined) return;
      const occurrence = { split, index, label: labels[index]!, name: images.nameOf(index) };
      const group = byHash.get(hash);
      if (group === undefined) byHash.set(hash, [occurrence]);
      else group.push(occurrence);
    });
  }
  return summarize([...byHash.values()].filter((group) => group.length > 1));
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

/** The sizes in bytes that two files or more have: others have no equal and need not be read. */
async function repeatedSizes(dataset: Dataset, signal: AbortSignal | undefined): Promise<Set<number>> {
  const counts = new Map<number, number>();
  for (const { images } of [dataset.train, dataset.test].filter((split) => split !== undefined)) {
    const { paths } = images as FileImages;
    const count = async (i: number): Promise<void> => {
      const { size } = await fs.stat(paths[i]!);
      counts.set(size, (counts.get(size) ?? 0) + 1);
    };
    await forEachBounded(paths.length, count, { limit: 32, signal });
  }
  return new Set([...counts].filter(([, count]) => count > 1).map(([size]) => size));
}

/** The hash of each image; undefined where the file's size says that it has no equal. */
async function hashesOf(
  images: Images,
  sizes: ReadonlySet<number> | undefined,
  signal: AbortSignal | undefined,
): Promise<(string | undefined)[]> {
  if (images.kind === 'memory') return Array.from({ length: images.length }, (_, i) => hashOfPixels(images, i));
  const hashes = new Array<string | undefined>(images.length);
  const hashOne = async (i: number): Promise<void> => {
    const file = images.paths[i]!;
    if (sizes === undefined) hashes[i] = hashPixels(await decodeImage(file));
    else if (sizes.has((await fs.stat(file)).size)) hashes[i] = await hashOfFile(file);
  };
  await forEachBounded(images.length, hashOne, { limit: os.availableParallelism(), signal });
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

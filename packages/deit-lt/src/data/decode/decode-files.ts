/**
 * Decodes a list of image files once, for two purposes: to find every file that cannot be read, and, when all have one
 * size and fit into memory, to keep their pixels.
 */
import os from 'node:os';
import type { BadFile } from '../bad-file.js';
import type { FilePaths } from '../file-paths.js';
import type { Progress } from '../open-options.js';
import type { Rgb } from './background.js';
import { forEachBounded } from './bounded.js';
import { loadSharp, whyUnreadable, withDecoded } from './decode.js';
import type { RawPixels } from './raw-pixels.js';

export interface DecodeFilesOptions {
  /** Pixels are kept up to this many bytes. */
  maxBytes: number;
  /** Background of transparent images. Default white. */
  background?: Rgb | undefined;
  /** Name of the progress. */
  what?: string | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Pixels of n images of one size, `[n, height, width, 3]`; those of bad files are zero. */
export interface PixelBlock {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

export interface DecodedFiles {
  /** The files that cannot be read, by their index, in that order. */
  readonly bad: ReadonlyMap<number, BadFile>;
  /** Absent when the sizes differ or the pixels are too many. */
  readonly block: PixelBlock | undefined;
}

/**
 * Decodes `paths`, two more at a time than the machine has cores: so reading and decoding overlap (libuv runs four at
 * once unless UV_THREADPOOL_SIZE says otherwise). Throws only the signal's reason.
 */
export async function decodeFiles(
  paths: FilePaths,
  { maxBytes, background, what = 'reading images', onProgress, signal }: DecodeFilesOptions,
): Promise<DecodedFiles> {
  await loadSharp(); // a decoder that is not installed is not a fault of the images
  const bad = new Map<number, BadFile>();
  const collector = new Collector(paths.length, maxBytes);
  const failed: number[] = [];
  const decodeInto = (index: number): Promise<void> =>
    withDecoded(paths.get(index), { background }, (image) => collector.add(index, image));
  const decodeOne = async (index: number): Promise<void> => {
    await decodeInto(index).catch(() => failed.push(index));
  };
  const onDone = (done: number): void => onProgress?.({ what, done, total: paths.length });
  await forEachBounded(paths.length, decodeOne, { limit: os.availableParallelism() + 2, signal, onDone });
  // Once more, one at a time: libvips has one place for messages, which decodes at the same time take from each other.
  for (const index of failed.sort((a, b) => a - b)) {
    signal?.throwIfAborted();
    const file = paths.get(index);
    try {
      await decodeInto(index);
    } catch (error) {
      bad.set(index, { path: file, reason: await whyUnreadable(file, error) });
    }
  }
  return { bad, block: collector.block };
}

/**
 * Limit of the pixels of one image: larger ones are cheaper to keep as files, of which a training sees a part or a
 * smaller size.
 */
const maxKeptPixels = 2048 ** 2;

/** Collects images of one size; stops at the first of another size, or when they are too large. */
class Collector {
  block: PixelBlock | undefined;
  #givenUp: boolean;

  constructor(
    readonly count: number,
    readonly maxBytes: number,
  ) {
    this.#givenUp = maxBytes <= 0;
  }

  add(index: number, { width, height, pixels }: RawPixels): void {
    if (this.#givenUp) return;
    this.block ??= this.#allocate(width, height);
    if (this.block === undefined || this.block.width !== width || this.block.height !== height) {
      this.block = undefined;
      this.#givenUp = true;
      return;
    }
    this.block.pixels.set(pixels, index * pixels.length);
  }

  #allocate(width: number, height: number): PixelBlock | undefined {
    const bytes = this.count * width * height * 3;
    if (bytes > this.maxBytes || width * height > maxKeptPixels) return undefined;
    try {
      return { width, height, pixels: new Uint8Array(bytes) };
    } catch {
      return undefined; // more than the engine or the machine allows: the files are decoded when needed
    }
  }
}

/** Turns a split of image files into images in memory where that pays, and finds those that cannot be read. */
import os from 'node:os';
import type { BadFile } from './bad-file.js';
import { DecodedCache } from './cache/decoded-cache.js';
import { settleBad, withoutBad } from './check-files.js';
import type { ImageSplit } from './dataset.js';
import { type Rgb, white } from './decode/background.js';
import { type DecodedFiles, decodeFiles } from './decode/decode-files.js';
import type { FilePaths } from './file-paths.js';
import type { Progress } from './open-options.js';

export interface MaterializeOptions {
  /** Pixels are kept in memory up to this many bytes. Default: `defaultMaxBytes()`. */
  maxBytes?: number | undefined;
  /** Background of transparent images. Default white. */
  background?: Rgb | undefined;
  /** Name of the progress. Default "reading images". */
  what?: string | undefined;
  /** Leave out images that cannot be read instead of throwing. Default false. */
  skipBad?: boolean | undefined;
  /** Folder that keeps decoded pixels for the next start; none when absent. */
  cacheDir?: string | undefined;
  log?: ((line: string) => void) | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  onBad?: ((file: BadFile) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** 4 GiB, but at most a quarter of the machine's memory: long-tail subsets copy once. */
export function defaultMaxBytes(): number {
  return Math.min(4 * 2 ** 30, os.totalmem() / 4);
}

/**
 * Decodes every file of `split` once. Files of one size that fit into `maxBytes` become images in memory; others stay
 * files, now known to be readable. Throws `UserError` DATA_BAD_FILES unless `skipBad`, and the signal's reason.
 */
export async function materialize(split: ImageSplit, options: MaterializeOptions = {}): Promise<ImageSplit> {
  const loaded = await loadSplit(split, options);
  settleBad([...loaded.bad.values()], split.labels.length, options);
  return loaded.split;
}

export interface LoadedSplit {
  /** Without the bad images. */
  readonly split: ImageSplit;
  /** Images by their index in the given split. */
  readonly bad: ReadonlyMap<number, BadFile>;
}

/** Does the same as `materialize`, but returns the bad files to the caller, who may gather those of several splits. */
export async function loadSplit(split: ImageSplit, options: MaterializeOptions = {}): Promise<LoadedSplit> {
  const { images, labels } = split;
  if (images.kind === 'memory') return { split, bad: new Map() };
  const { bad, block } = await decodeThroughCache(images.paths, options);
  if (block === undefined) return { split: withoutBad(split, bad), bad };
  const { length, nameOf } = images;
  const { background = white } = options;
  return { split: withoutBad({ images: { kind: 'memory', length, nameOf, background, ...block }, labels }, bad), bad };
}

async function decodeThroughCache(
  paths: FilePaths,
  { maxBytes = defaultMaxBytes(), background, what, cacheDir, log, onProgress, signal }: MaterializeOptions,
): Promise<DecodedFiles> {
  const cache = await DecodedCache.for(paths, { cacheDir, maxBytes, background, signal });
  const kept = await cache?.read();
  if (kept !== undefined) return kept;
  const decoded = await decodeFiles(paths, { maxBytes, background, what, onProgress, signal });
  await cache?.write(decoded, log);
  return decoded;
}

/**
 * Keeps what decoding a list of image files gave, so that the next start does not decode them again: one file for
 * each list, a line of JSON followed by the pixels. Its name is a hash of the background, all paths, sizes and times of
 * change, so any change of the images makes another; the pixels are checked by their hash when read, and bad files are
 * tried again.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { BadFile } from '../bad-file.js';
import { type Rgb, white } from '../decode/background.js';
import { forEachBounded } from '../decode/bounded.js';
import { withDecoded } from '../decode/decode.js';
import type { DecodedFiles } from '../decode/decode-files.js';
import type { FilePaths } from '../file-paths.js';
import { markUsed, removeOldest, writeWhole } from './cache-file.js';

/** Fewer files than this decode in a moment. */
const fromFiles = 1000;
/** More pixels than this are not kept: the disk is not ours to fill. */
const maxKeptBytes = 2 ** 30;
/** Only the newest lists are kept. */
const maxKeptLists = 6;
/** Raise when decoding changes, so that old pixels are not found. */
const formatVersion = 2;

interface Header {
  readonly width: number;
  readonly height: number;
  /** Bytes of pixels that follow; 0 when the images were not of one size. */
  readonly bytes: number;
  readonly sha256: string;
  readonly bad: readonly (readonly [number, BadFile])[];
}

export interface DecodedCacheOptions {
  cacheDir: string | undefined;
  maxBytes: number;
  /** What transparent images are composed on. Default white. */
  background?: Rgb | undefined;
  signal?: AbortSignal | undefined;
}

export class DecodedCache {
  private constructor(readonly file: string) {}

  /** The cache entry of `paths`, or undefined when they are few or there is no cache folder. */
  static async for(
    paths: FilePaths,
    { cacheDir, maxBytes, background = white, signal }: DecodedCacheOptions,
  ): Promise<DecodedCache | undefined> {
    if (cacheDir === undefined || paths.length < fromFiles) return undefined;
    const key = await fingerprint(paths, `${formatVersion} ${maxBytes} ${background}`, signal);
    return new DecodedCache(path.join(cacheDir, 'decoded', `${key}.bin`));
  }

  /** What was kept, or undefined when there is nothing, it is damaged, or a file that could not be read now can. */
  async read(): Promise<DecodedFiles | undefined> {
    try {
      const kept = parse(await fs.readFile(this.file));
      if (kept === undefined || (await isAnyReadable(kept.bad.values()))) return undefined;
      await markUsed(this.file);
      return kept;
    } catch {
      return undefined;
    }
  }

  /** Keeps `decoded`. A cache that cannot be written is no failure: one line is logged. */
  async write({ bad, block }: DecodedFiles, log?: (line: string) => void): Promise<void> {
    const pixels = block?.pixels ?? new Uint8Array(0);
    if (pixels.length > maxKeptBytes) return;
    const sha256 = createHash('sha256').update(pixels).digest('hex');
    const header: Header = {
      width: block?.width ?? 0,
      height: block?.height ?? 0,
      bytes: pixels.length,
      sha256,
      bad: [...bad],
    };
    try {
      await writeWhole(this.file, [Buffer.from(`${JSON.stringify(header)}\n`), pixels]);
      await removeOldest(path.dirname(this.file), maxKeptLists);
    } catch (error) {
      log?.(`decoded images are not kept for the next start: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** A file may be mended with its size and time as they were: a copy that keeps times, a permission. */
async function isAnyReadable(bad: Iterable<BadFile>): Promise<boolean> {
  for (const { path: file } of bad)
    if (
      await withDecoded(file, {}, () => {}).then(
        () => true,
        () => false,
      )
    )
      return true;
  return false;
}

async function fingerprint(paths: FilePaths, how: string, signal?: AbortSignal): Promise<string> {
  const facts = new Array<string>(paths.length);
  const look = async (i: number): Promise<void> => {
    const file = paths.get(i);
    const stats = await fs.stat(file).catch(() => undefined);
    facts[i] = JSON.stringify([file, stats?.size, stats?.mtimeMs]);
  };
  await forEachBounded(paths.length, look, { limit: 32, signal });
  const hash = createHash('sha256').update(`${how}\n`);
  for (const fact of facts) hash.update(`${fact}\n`);
  return hash.digest('hex').slice(0, 32);
}

function parse(content: Buffer): DecodedFiles | undefined {
  const end = content.indexOf(0x0a);
  const { width, height, bytes, sha256, bad } = JSON.parse(content.toString('utf8', 0, end)) as Header;
  const pixels = new Uint8Array(content.buffer, content.byteOffset + end + 1, content.length - end - 1);
  if (pixels.length !== bytes || createHash('sha256').update(pixels).digest('hex') !== sha256) return undefined;
  return { bad: new Map(bad), block: bytes === 0 ? undefined : { width, height, pixels } };
}

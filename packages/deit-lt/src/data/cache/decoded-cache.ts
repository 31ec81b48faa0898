/**
 * Keeps what decoding a list of image files gave, so that the next start does not decode them again: one sealed file for
 * each list, a line of JSON followed by the pixels. Its name is a hash of the background, all paths and the prints of their files
 * (`index/stamps.ts`), so any change of the images makes another. Lists with files that were changed in the last two
 * seconds are not kept, and files that could not be read are tried again.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { BadFile } from '../bad-file.js';
import { type Rgb, white } from '../decode/background.js';
import { withDecoded } from '../decode/decode.js';
import type { DecodedFiles } from '../decode/decode-files.js';
import type { FilePaths } from '../file-paths.js';
import { printsOf, unsettled } from '../index/stamps.js';
import { markUsed, removeOldest, unsealed, writeSealed } from './cache-file.js';

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
  readonly bad: readonly (readonly [number, BadFile])[];
}

export interface DecodedCacheOptions {
  cacheDir: string | undefined;
  maxBytes: number;
  /** Background of transparent images. Default white. */
  background?: Rgb | undefined;
  signal?: AbortSignal | undefined;
}

export class DecodedCache {
  private constructor(readonly file: string) {}

  /** The cache entry of `paths`, or undefined when they are few, were changed just now, or there is no cache folder. */
  static async for(
    paths: FilePaths,
    { cacheDir, maxBytes, background = white, signal }: DecodedCacheOptions,
  ): Promise<DecodedCache | undefined> {
    if (cacheDir === undefined || paths.length < fromFiles) return undefined;
    const key = await fingerprint(paths, `${formatVersion} ${maxBytes} ${background}`, signal);
    return key === undefined ? undefined : new DecodedCache(path.join(cacheDir, 'decoded', `${key}.bin`));
  }

  /**
   * Returns the cached pixels; undefined if there are none, if they are damaged, or if a file that could not be read
   * before can be read now.
   */
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

  /** Keeps `decoded`. A cache that cannot be written is not a failure: one line is logged. */
  async write({ bad, block }: DecodedFiles, log?: (line: string) => void): Promise<void> {
    const pixels = block?.pixels ?? new Uint8Array(0);
    if (pixels.length > maxKeptBytes) return;
    const header: Header = {
      width: block?.width ?? 0,
      height: block?.height ?? 0,
      bytes: pixels.length,
      bad: [...bad],
    };
    try {
      await writeSealed(this.file, [Buffer.from(`${JSON.stringify(header)}\n`), pixels]);
      await removeOldest(path.dirname(this.file), maxKeptLists);
    } catch (error) {
      log?.(`decoded images are not cached: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** A file may be repaired with its size and time as they were: a copy that keeps times, a permission. */
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

/** Undefined when a file was changed so recently that another change could leave the same print. */
async function fingerprint(paths: FilePaths, how: string, signal?: AbortSignal): Promise<string | undefined> {
  const prints = await printsOf(paths.length, (i) => paths.get(i), signal);
  if (prints.includes(unsettled)) return undefined;
  const hash = createHash('sha256').update(`${how}\n`);
  prints.forEach((print, i) => {
    hash.update(`${print} ${JSON.stringify(paths.get(i))}\n`);
  });
  return hash.digest('hex').slice(0, 32);
}

function parse(content: Buffer): DecodedFiles | undefined {
  const body = unsealed(content);
  if (body === undefined) return undefined;
  const end = body.indexOf(0x0a);
  const { width, height, bytes, bad } = JSON.parse(body.toString('utf8', 0, end)) as Header;
  const pixels = new Uint8Array(body.buffer, body.byteOffset + end + 1, body.length - end - 1);
  if (pixels.length !== bytes) return undefined;
  return { bad: new Map(bad), block: bytes === 0 ? undefined : { width, height, pixels } };
}

/**
 * Keeps what decoding a list of image files gave, so that the next start does not decode them again: one file for
 * each list, a line of JSON followed by the pixels. Its name is a hash of all paths, sizes and times of change, so any
 * change of the images makes another; the pixels are checked by their hash when read.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { forEachBounded } from './bounded.js';
import type { BadFile } from './check-files.js';
import type { DecodedFiles } from './decode-files.js';

/** Fewer files than this decode in a moment. */
const fromFiles = 1000;
/** More pixels than this are not kept: the disk is not ours to fill. */
const maxKeptBytes = 2 ** 30;
/** Only the newest lists are kept. */
const maxKeptLists = 6;
/** Raise when decoding changes, so that old pixels are not found. */
const formatVersion = 1;

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
  signal?: AbortSignal | undefined;
}

export class DecodedCache {
  private constructor(readonly file: string) {}

  /** The cache entry of `paths`, or undefined when they are few or there is no cache folder. */
  static async for(
    paths: readonly string[],
    { cacheDir, maxBytes, signal }: DecodedCacheOptions,
  ): Promise<DecodedCache | undefined> {
    if (cacheDir === undefined || paths.length < fromFiles) return undefined;
    const key = await fingerprint(paths, maxBytes, signal);
    return new DecodedCache(path.join(cacheDir, 'decoded', `${key}.bin`));
  }

  /** What was kept, or undefined when there is nothing or it is damaged. */
  async read(): Promise<DecodedFiles | undefined> {
    try {
      const kept = parse(await fs.readFile(this.file));
      const now = new Date();
      await fs.utimes(this.file, now, now).catch(() => {}); // the oldest are removed first
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
      await removeOldest(path.dirname(this.file));
    } catch (error) {
      log?.(`decoded images are not kept for the next start: ${error instanceof Error ? error.message : error}`);
    }
  }
}

async function fingerprint(paths: readonly string[], maxBytes: number, signal?: AbortSignal): Promise<string> {
  const facts = new Array<string>(paths.length);
  const look = async (i: number): Promise<void> => {
    const stats = await fs.stat(paths[i]!).catch(() => undefined);
    facts[i] = JSON.stringify([paths[i], stats?.size, stats?.mtimeMs]);
  };
  await forEachBounded(paths.length, look, { limit: 32, signal });
  const hash = createHash('sha256').update(`${formatVersion} ${maxBytes}\n`);
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

async function writeWhole(file: string, parts: readonly Uint8Array[]): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await fs.open(temporary, 'wx');
    try {
      for (const part of parts) await handle.writeFile(part);
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** Keeps the entries used last; removes what killed runs have left, an hour later. */
async function removeOldest(folder: string): Promise<void> {
  const names = await fs.readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      return { file, usedMs: (await fs.stat(file)).mtimeMs };
    }),
  );
  files.sort((a, b) => b.usedMs - a.usedMs);
  const entries = files.filter(({ file }) => file.endsWith('.bin'));
  const left = files.filter(({ file, usedMs }) => file.endsWith('.tmp') && usedMs < Date.now() - 3_600_000);
  for (const { file } of [...entries.slice(maxKeptLists), ...left]) await fs.rm(file, { force: true });
}

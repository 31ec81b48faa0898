/** Downloads a file with progress, continues a broken download where it stopped, and checks what came. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { UserError } from '../errors.js';
import { makeFolder } from '../make-folder.js';
import type { Progress } from './open-options.js';

export interface Download {
  readonly url: string;
  /** Path of the file; while incomplete it is `<target>.part`. */
  readonly target: string;
  /** Expected MD5, in hexadecimal: what the publisher of the data gives. */
  readonly md5: string;
}

export interface DownloadOptions {
  /** Number of retries after a broken connection, as long as data arrived. Default 5. */
  attempts?: number | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches `url` to `target`, which is there whole and with the right checksum, or not at all. A `.part` file of an
 * earlier run is continued when the server allows it. Throws `UserError` DOWNLOAD, and the signal's reason.
 */
export async function download(
  { url, target, md5 }: Download,
  { attempts = 5, onProgress, signal }: DownloadOptions = {},
): Promise<void> {
  const part = `${target}.part`;
  const report = (done: number, total: number | undefined): void =>
    onProgress?.({ what: `downloading ${path.basename(target)}`, done, total });
  try {
    makeFolder(path.dirname(target));
    for (let attempt = 1; ; attempt++) {
      const had = await sizeOf(part);
      const broken = await fetchPart(url, part, had, report, signal);
      if (broken !== undefined) {
        if (attempt >= attempts || (await sizeOf(part)) <= had) throw broken;
        continue;
      }
      const got = await md5Of(part);
      if (got === md5) break;
      await fs.rm(part);
      if (had === 0) throw new Error(`its MD5 is ${got}, expected ${md5}: it was changed during the download`);
      // The older part was of another file: once more from the start.
    }
    await fs.rename(part, target);
  } catch (cause) {
    signal?.throwIfAborted();
    throw downloadError(url, target, cause);
  }
}

/** Appends the missing part of `url` to `part`. Returns the error of a connection that broke meanwhile. */
async function fetchPart(
  url: string,
  part: string,
  had: number,
  report: (done: number, total: number | undefined) => void,
  signal: AbortSignal | undefined,
): Promise<Error | undefined> {
  const headers: Record<string, string> = had > 0 ? { range: `bytes=${had}-` } : {};
  const response = await fetch(url, { headers, signal: signal ?? null });
  if (response.status === 416 && had > 0) return undefined; // all of it is there already, or it is another file
  if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
  const continued = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${had}-`);
  let done = continued ? had : 0;
  const length = response.headers.get('content-length');
  const total = length === null ? undefined : done + Number(length);
  const file = await fs.open(part, continued ? 'a' : 'w');
  try {
    const chunks = response.body[Symbol.asyncIterator]();
    for (;;) {
      const chunk = await chunks.next().catch((error: unknown) => ({ error }));
      if ('error' in chunk) {
        signal?.throwIfAborted();
        return new Error(`the connection broke after ${done} bytes; run the command again to continue`);
      }
      if (chunk.done) break;
      await file.writeFile(chunk.value);
      done += chunk.value.length;
      report(done, total);
    }
    await file.sync();
    return undefined;
  } finally {
    await file.close();
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await fs.stat(file).catch(() => undefined))?.size ?? 0;
}

/** The MD5 of a file, in hexadecimal. */
export async function md5Of(file: string): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Returns the error for a missing file that cannot be fetched; it explains what to do by hand. */
export function downloadError(url: string, target: string, cause: unknown): UserError {
  const why = cause instanceof Error ? reasonOf(cause) : String(cause);
  return new UserError('DOWNLOAD', `cannot download ${path.basename(target)}: ${why}`, {
    lines: [
      `Fetch ${url}`,
      `by other means and put it in ${path.dirname(target)}, or in the folder that DEIT_LT_CACHE names`,
    ],
    cause,
  });
}

/** `fetch` hides the reason in its cause. */
function reasonOf(error: Error): string {
  const inner = error.cause instanceof Error ? error.cause : error;
  return inner.message || ((inner as NodeJS.ErrnoException).code ?? 'the connection failed');
}

/**
 * A number that changes when a file or folder does, made of what the file system says without reading it: length, time
 * of the last change of the content, time of the last change of the inode, and the inode's number. The last two show
 * what the first two do not: content that was written over or swapped, with its old time given back to it.
 */
import { hash } from 'node:crypto';
import fs from 'node:fs';
import { forEachBounded } from '../decode/bounded.js';

export interface Stamp {
  readonly path: string;
  /** Fingerprint as `printOf` returns it. */
  readonly print: number;
}

/**
 * Print of a file that changed so recently that another change could have the same print. Equals no print, not even
 * itself: see `samePrint`.
 */
export const unsettled = -1;
/** The fingerprint of a file that does not exist. */
export const absent = 0;

/** File systems count time in steps of up to two seconds (FAT). */
const settledAfterMs = 2000;

/** Changes after this time, in milliseconds, are not settled yet. */
export function settledBefore(now: number = Date.now()): number {
  return now - settledAfterMs;
}

/** The print of what `stats` describe, 48 bits; `unsettled` when it was changed after `before`, in milliseconds. */
export function printOf(stats: fs.Stats | undefined, before: number = settledBefore()): number {
  if (stats === undefined) return absent;
  const { size, mtimeMs, ctimeMs, ino } = stats;
  if (ctimeMs > before || isWithin(mtimeMs, before, settledAfterMs)) return unsettled;
  const bytes = stats.isDirectory() ? 0 : size; // a folder's size is the file system's own affair
  return Number.parseInt(hash('sha1', `${bytes} ${mtimeMs} ${ctimeMs} ${ino}`, 'hex').slice(0, 12), 16);
}

/** A time in the future, as of a camera with a wrong clock, is valid: the next change has another time. */
const isWithin = (time: number, start: number, length: number): boolean => time > start && time <= start + length;

/** False when in doubt. */
export function samePrint(a: number, b: number): boolean {
  return a === b && a !== unsettled;
}

/** The stamp of `path` as it is now; links are followed. */
export function stampOf(path: string): Stamp {
  return { path, print: printOf(fs.statSync(path, { throwIfNoEntry: false })) };
}

/** Returns whether no file or folder of `stamps` has changed. */
export function allHold(stamps: readonly Stamp[]): boolean {
  return stamps.every(({ path, print }) => samePrint(print, stampOf(path).print));
}

/** The print of each of `count` files or folders; `absent` for those that cannot be read. */
export async function printsOf(
  count: number,
  pathOf: (index: number) => string,
  signal?: AbortSignal,
): Promise<Float64Array> {
  const before = settledBefore();
  const prints = new Float64Array(count);
  const look = async (i: number): Promise<void> => {
    prints[i] = printOf(await fs.promises.stat(pathOf(i)).catch(() => undefined), before);
  };
  await forEachBounded(count, look, { limit: 32, signal });
  return prints;
}

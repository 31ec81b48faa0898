/** By what one sees that a file or folder has changed: its size and the time of its last change. */
import fs from 'node:fs';
import { forEachBounded } from '../decode/bounded.js';

export interface Stamp {
  readonly path: string;
  /** In bytes; 0 for folders, −1 when nothing is there. */
  readonly size: number;
  /** Milliseconds; `unsettled` when the change was so recent that another could have the same time. */
  readonly time: number;
}

/** Equals no time, not even itself: see `sameStamp`. */
export const unsettled = -1;

/** File systems count time in steps of up to two seconds (FAT). */
const settledAfterMs = 2000;

/** The time to remember for a change at `mtimeMs`. */
export function settledTime(mtimeMs: number, now: number = Date.now()): number {
  return mtimeMs > now - settledAfterMs ? unsettled : mtimeMs;
}

/** The stamp of `path` as it is now; links are followed. */
export function stampOf(path: string): Stamp {
  const stats = fs.statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return { path, size: -1, time: 0 };
  return { path, size: stats.isDirectory() ? 0 : stats.size, time: settledTime(stats.mtimeMs) };
}

/** False when in doubt. */
export function sameStamp(a: Stamp, b: Stamp): boolean {
  return a.size === b.size && a.time === b.time && a.time !== unsettled;
}

/** Whether all that `stamps` stand for is as it was. */
export function allHold(stamps: readonly Stamp[]): boolean {
  return stamps.every((stamp) => sameStamp(stamp, stampOf(stamp.path)));
}

/** The time of the last change of each folder, as `Stamp` has it; 0 for those that are not there. */
export async function timesOf(folders: readonly string[], signal?: AbortSignal): Promise<Float64Array> {
  const times = new Float64Array(folders.length);
  const look = async (i: number): Promise<void> => {
    const stats = await fs.promises.stat(folders[i]!).catch(() => undefined);
    times[i] = stats === undefined ? 0 : settledTime(stats.mtimeMs);
  };
  await forEachBounded(folders.length, look, { limit: 32, signal });
  return times;
}

/** The disk space of copies of images (`image-copies.ts`): how much there may be, and which are removed first. */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Size } from '../decode/raw-pixels.js';
import { factorFor, shrunkSize } from '../decode/shrink.js';
import { copyEnd, folderOfCopies, type RoomMemory } from './image-copies.js';

/** Bytes of all copies together, unless `DEIT_LT_COPIES` (in GiB) says otherwise. */
const usualBytes = 8 * 2 ** 30;
/** Never more than this part of what is free, with the copies that are there. */
const partOfDisk = 1 / 4;

/** Returns the most bytes that copies may take, before the free disk space is known. */
export function mostCopyBytes({ DEIT_LT_COPIES: given }: NodeJS.ProcessEnv = process.env): number {
  const gibibytes = given === undefined || given.trim() === '' ? Number.NaN : Number(given);
  return Number.isFinite(gibibytes) && gibibytes >= 0 ? gibibytes * 2 ** 30 : usualBytes;
}

/** Returns whether there may be copies of `images` images of the size of `typical`, of a training with inputs of `size` pixels. */
export function copiesFit(images: number, typical: Size, size: number): boolean {
  const { width, height } = shrunkSize(typical, factorFor(typical, size));
  return images * 3 * width * height <= mostCopyBytes();
}

/** Room that is not known yet: nothing is written. */
export function noRoom(): RoomMemory {
  return new SharedArrayBuffer(4);
}

/**
 * Sets `room` to what copies of images in `folders` may take. Copies of other folders, those used longest ago first, are
 * removed until they leave half of all space. Also removes what killed trainings left half written, an hour later.
 */
export async function makeRoom(
  folder: string,
  folders: Iterable<string>,
  room: RoomMemory,
  most: number = mostCopyBytes(),
): Promise<void> {
  const own = new Set(Array.from(folders, (images) => folderOfCopies(folder, images)));
  const found = await Promise.all((await namesIn(folder)).map((name) => measured(path.join(folder, name))));
  const total = sumOf(found);
  const limit = Math.min(most, partOfDisk * ((await freeBytes(folder)) + total));
  const others = found.filter(({ file }) => !own.has(file)).sort((a, b) => a.usedMs - b.usedMs);
  let [used, left] = [total, sumOf(others)];
  for (const { file, bytes } of others) {
    if (left <= limit / 2) break;
    await fs.rm(file, { recursive: true, force: true });
    left -= bytes;
    used -= bytes;
  }
  const now = new Date();
  for (const file of own) await fs.utimes(file, now, now).catch(() => {}); // there are none yet
  Atomics.store(new Int32Array(room), 0, Math.max(0, Math.floor((limit - used) / 1024)));
}

interface Measured {
  readonly file: string;
  readonly bytes: number;
  readonly usedMs: number;
}

const sumOf = (all: readonly Measured[]): number => all.reduce((sum, { bytes }) => sum + bytes, 0);

async function measured(file: string): Promise<Measured> {
  const stats = await fs.stat(file).catch(() => undefined); // another process may have just removed it
  let bytes = 0;
  for (const name of await namesIn(file)) {
    const each = path.join(file, name);
    const { size = 0, mtimeMs = 0 } = (await fs.stat(each).catch(() => undefined)) ?? {};
    const isLeft = !name.endsWith(copyEnd) && mtimeMs < Date.now() - 3_600_000;
    if (isLeft) await fs.rm(each, { force: true });
    else bytes += size;
  }
  return { file, bytes, usedMs: stats?.mtimeMs ?? 0 };
}

async function namesIn(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch(() => []);
}

/** Returns the free space of the file system of `folder`, or of the nearest folder above it that exists. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await fs.statfs(folder);
    return bavail * bsize;
  } catch {
    const above = path.dirname(folder);
    return above === folder ? 0 : freeBytes(above);
  }
}

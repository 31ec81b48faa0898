/** Files of the cache folder: written whole or not at all, and the oldest removed. */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../../make-folder.js';

/** Writes `parts` one after the other to a temporary file beside `file`, then renames it. Throws the system's error. */
export async function writeWhole(file: string, parts: readonly Uint8Array[]): Promise<void> {
  makeFolder(path.dirname(file));
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

/** Length of the line with which a sealed file begins. */
export const sealBytes = 65;

/** Returns that line, from a SHA-256 of all bytes that follow it. */
export function sealOf(hash: Hash): string {
  return `${hash.digest('hex')}\n`;
}

/** Writes as `writeWhole` does, after a line with the hash of all of it, so that a reader finds damage anywhere. */
export async function writeSealed(file: string, parts: readonly Uint8Array[]): Promise<void> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  await writeWhole(file, [Buffer.from(sealOf(hash)), ...parts]);
}

/** Returns the content after the checksum; undefined if it is damaged. */
export function unsealed(content: Buffer): Buffer | undefined {
  const body = content.subarray(sealBytes);
  return content.toString('latin1', 0, sealBytes) === sealOf(createHash('sha256').update(body)) ? body : undefined;
}

/** Marks `file` as used now: the oldest are removed first. */
export async function markUsed(file: string): Promise<void> {
  const now = new Date();
  await fs.utimes(file, now, now).catch(() => {});
}

/** Keeps the `most` entries used last, `*.bin` in `folder`; removes what killed runs have left, an hour later. */
export async function removeOldest(folder: string, most: number): Promise<void> {
  const names = await fs.readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name);
      const stats = await fs.stat(file).catch(() => undefined); // another process may have just finished with it
      return { file, usedMs: stats?.mtimeMs ?? 0 };
    }),
  );
  files.sort((a, b) => b.usedMs - a.usedMs);
  const entries = files.filter(({ file }) => file.endsWith('.bin'));
  const left = files.filter(({ file, usedMs }) => file.endsWith('.tmp') && usedMs < Date.now() - 3_600_000);
  for (const { file } of [...entries.slice(most), ...left]) await fs.rm(file, { force: true });
}

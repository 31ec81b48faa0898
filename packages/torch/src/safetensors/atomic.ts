/** Writes files that exist whole or not at all. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { ioError, SafetensorsError } from './error.js';

/**
 * Writes a file under a temporary name in the same folder, syncs it to the disk, and renames it to `target`
 * (or to what `target` links to). If anything fails, the old file stays and the temporary one is removed.
 */
export function writeAtomically(target: string, write: (fd: number) => void): void {
  const final = resolveLink(target);
  const temporary = path.join(
    path.dirname(final),
    `.${path.basename(final).slice(0, 40)}.${randomBytes(6).toString('hex')}.tmp`,
  );
  try {
    writeAndSync(temporary, write);
    fs.renameSync(temporary, final);
  } catch (cause) {
    removeQuietly(temporary);
    throw cause instanceof SafetensorsError || !isSystemError(cause) ? cause : ioError('write', target, cause);
  }
  syncFolder(path.dirname(final), target);
}

/** A second failure must not hide the first. */
function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {}
}

function resolveLink(target: string): string {
  try {
    return fs.realpathSync(target);
  } catch {
    return path.resolve(target);
  }
}

function writeAndSync(temporary: string, write: (fd: number) => void): void {
  const fd = fs.openSync(temporary, 'wx');
  try {
    write(fd);
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

const cannotSync = new Set(['EINVAL', 'EPERM', 'EISDIR', 'EACCES', 'ENOTSUP']);

/** Makes the new name last through a power cut. Some systems cannot sync a folder; the file is whole there too. */
function syncFolder(folder: string, target: string): void {
  try {
    const fd = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (cause) {
    if (!cannotSync.has((cause as NodeJS.ErrnoException).code ?? ''))
      throw ioError('sync the folder of', target, cause);
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

/** `writeSync` may write less than it is given. */
export function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done, bytes.length - done);
}

/** Files that are whole or not there: written under a temporary name, synced, renamed. And what tells one from another. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';

/** Writes `content` (or its pieces) to `file`, which is then the old content or the new one whatever happens. Throws UserError RUN_FOLDER. */
export function writeFileAtomic(file: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      for (const piece of piecesOf(content)) writeFileSync(descriptor, piece);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
    syncFolder(path.dirname(file));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw writeError(file, error);
  }
}

function piecesOf(content: string | Uint8Array | Iterable<Uint8Array>): Iterable<string | Uint8Array> {
  return typeof content === 'string' || content instanceof Uint8Array ? [content] : content;
}

/** Appends a line to `file` and syncs it. Throws UserError RUN_FOLDER. */
export function appendLine(file: string, line: string): void {
  appendBytes(file, `${line}\n`);
}

/** Appends to `file` and syncs it. Throws UserError RUN_FOLDER. */
export function appendBytes(file: string, content: string | Uint8Array): void {
  try {
    const descriptor = openSync(file, 'a');
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw writeError(file, error);
  }
}

const hashedTogether = 1 << 20;

/** SHA-256 of a file, in hexadecimal, a piece at a time: the state of a large network is more than Node reads at once (2 GiB). */
export function sha256Of(file: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(hashedTogether);
  const descriptor = openSync(file, 'r');
  try {
    for (let bytes = readSync(descriptor, piece); bytes > 0; bytes = readSync(descriptor, piece))
      hash.update(piece.subarray(0, bytes));
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** An error of the file system as one that says what to do. */
export function writeError(file: string, error: unknown): UserError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return new UserError('RUN_FOLDER', `cannot write ${file}: ${reasons[code] ?? message}.`, { cause: error });
}

const noSpace = 'the disk is full; free some space';
const noPermission = 'no permission to write there; choose another folder with --out';
const noFolder = 'a part of its path is a file, not a folder; choose another folder with --out';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: noSpace,
  EDQUOT: noSpace,
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: noPermission,
  ENOTDIR: noFolder,
  EEXIST: noFolder,
};

/** Files that are whole or not there: written under a temporary name, synced, renamed. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';

/** Writes `text` to `file`, which is then the old content or the new one whatever happens. Throws UserError RUN_FOLDER. */
export function writeFileAtomic(file: string, text: string): void {
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    const descriptor = openSync(temporary, 'w');
    try {
      writeSync(descriptor, text);
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

/** Appends a line to `file` and syncs it. */
export function appendLine(file: string, line: string): void {
  try {
    const descriptor = openSync(file, 'a');
    try {
      writeSync(descriptor, `${line}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw writeError(file, error);
  }
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
  const { code, message } = error as NodeJS.ErrnoException;
  const why =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'the disk is full; free some space'
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? 'no permission to write there; choose another folder with --out'
        : message;
  return new UserError('RUN_FOLDER', `cannot write ${file}: ${why}.`, { cause: error });
}

/** Files that are whole or not there: written under a temporary name, synced, renamed. And what tells one from another. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  lstatSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';

/**
 * Writes `content` (or its pieces) to `file`, or to what it links to, which is then the old content or the new one whatever
 * happens. A device or a pipe is written to as it is. Throws UserError RUN_FOLDER.
 */
export function writeFileAtomic(file: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  try {
    if (isDevice(file)) writePieces(file, content);
    else replace(resolveLink(file), content);
  } catch (error) {
    throw writeError(file, error);
  }
}

/** Such as `/dev/stdout`, in whose place a new file would be put. */
function isDevice(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

function resolveLink(file: string): string {
  const found = lstatSync(file, { throwIfNoEntry: false });
  return found?.isSymbolicLink() && statSync(file, { throwIfNoEntry: false }) !== undefined ? realpathSync(file) : file;
}

function replace(file: string, content: string | Uint8Array | Iterable<Uint8Array>): void {
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    writePieces(temporary, content, fsyncSync);
    renameSync(temporary, file);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
  syncFolder(path.dirname(file));
}

function writePieces(
  file: string,
  content: string | Uint8Array | Iterable<Uint8Array>,
  end: (descriptor: number) => void = () => {},
): void {
  const descriptor = openSync(file, 'w');
  try {
    for (const piece of piecesOf(content)) writeFileSync(descriptor, piece);
    end(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A second failure must not hide the first. */
function removeQuietly(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {}
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

/** An error of the file system. */
export type FileProblem = Pick<NodeJS.ErrnoException, 'code' | 'message'>;

/** An error of the file system as one that says what to do. */
export function writeError(file: string, error: unknown): UserError {
  return new UserError('RUN_FOLDER', `cannot write ${file}: ${problemOf(error as FileProblem)}.`, { cause: error });
}

/** Describes the problem and the remedy. */
export function problemOf({ code = '', message }: FileProblem): string {
  return reasons[code] ?? message;
}

const noSpace = 'the disk is full; free some space';
const noPermission = 'no permission to write there; choose another place';
const noFolder = 'a part of its path is a file, not a folder; choose another place';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: noSpace,
  EDQUOT: noSpace,
  EACCES: noPermission,
  EPERM: noPermission,
  EROFS: noPermission,
  ENOTDIR: noFolder,
  EEXIST: noFolder,
  ENOENT: 'its folder does not exist; make it first',
  EISDIR: 'there is a folder of this name; choose another name',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
};

// Small readings of the file system that answer null or nothing where a file is missing.
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { makeFolder } from './make-folder.mjs';

/** @param {string} file @returns {string | null} */
export function readText(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** @param {string} folder @returns {string[]} names in sorted order, so that hashes over them are stable */
export function listFolder(folder) {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** @param {string} folder @returns {string[]} all files in it and its folders, sorted; none when there is no such folder */
export function filesUnder(folder) {
  if (!isFolder(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => path.join(entry.parentPath, entry.name)).sort();
}

/** @param {string} file */
export function isFile(file) {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** @param {string} folder */
export function isFolder(folder) {
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return isFile(file);
  } catch {
    return false;
  }
}

/** @param {string} file @returns {string} the file itself when it does not exist */
export function realPath(file) {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}

/** @param {...string} texts */
export function sha256(...texts) {
  const hash = createHash('sha256');
  // The lengths keep ['ab', 'c'] and ['a', 'bc'] apart.
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex');
}

/** Writes to a temporary name and renames: an interrupted write leaves the old file. @param {string} file @param {string} text */
export function writeAtomically(file, text) {
  makeFolder(path.dirname(file));
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

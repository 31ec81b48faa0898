/**
 * Makes a folder and its parents. Node's own `recursive` never returns where the system says that a folder to be made
 * does not exist although its parent does, as in /proc and in a home folder that automount does not find.
 */
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * Makes `folder` unless it exists. Throws the error of the system, or one of code `NO_FOLDER` where the system makes
 * none.
 */
export function makeFolder(folder: string): void {
  const missing: string[] = [];
  for (let place = path.resolve(folder); !exists(place); place = path.dirname(place)) missing.unshift(place);
  for (const place of missing) makeOne(place);
}

/** Returns whether anything is at `place`; that it is a folder is found when something is put into it. */
function exists(place: string): boolean {
  return place === path.dirname(place) || statSync(place, { throwIfNoEntry: false }) !== undefined;
}

function makeOne(place: string): void {
  try {
    mkdirSync(place);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return; // another process may have just made it
    if (code !== 'ENOENT') throw error;
    const message = `no folder can be made in ${path.dirname(place)}; choose another place`;
    throw Object.assign(new Error(message, { cause: error }), { code: 'NO_FOLDER', syscall: 'mkdir' });
  }
}

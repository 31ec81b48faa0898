/** Runs in a folder that is not one itself, for messages. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { isRunFolder } from './run-folder.js';

/** A list that is longer helps nobody. */
const mostNames = 8;

/** Returns the run folders in `folder` and in its folders, as their paths begin with `folder`; those of `train` by their parent. */
export function runsBelow(folder: string): string[] {
  return foldersIn(folder).filter((inner) => isRunFolder(inner) || foldersIn(inner).some(isRunFolder));
}

/** Returns a sentence that names the runs in `folder`; undefined when there are none. */
export function runsBelowSentence(folder: string): string | undefined {
  const found = runsBelow(folder);
  if (found.length === 0) return undefined;
  const more = found.length > mostNames ? `, … (${found.length} in all)` : '';
  return `It has these runs in it; name one: ${found.slice(0, mostNames).join(', ')}${more}.`;
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => path.join(folder, name))
      .sort();
  } catch {
    return []; // not ours to read, or just removed
  }
}

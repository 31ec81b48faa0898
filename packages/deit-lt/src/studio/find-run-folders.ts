/** Finds runs: folders with the `config.json` of a run, at any depth. */
import { type Dirent, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

export interface FindOptions {
  /** Folders within folders that are looked at. Default 6. */
  readonly depth?: number;
  /** Folders that are looked at in all: a folder of images may have thousands. Default 5000. */
  readonly most?: number;
}

/** Folders of `root`, and itself, that have a config.json. Nearer ones are found first; links are not followed. */
export function findRunFolders(root: string, { depth = 6, most = 5000 }: FindOptions = {}): string[] {
  const found: string[] = [];
  let level = [root];
  let left = most;
  for (let d = 0; d <= depth && level.length > 0; d++) {
    const looked = level.slice(0, left);
    left -= looked.length;
    found.push(...looked.filter((folder) => existsSync(path.join(folder, 'config.json'))));
    level = looked.flatMap(foldersIn);
  }
  return found;
}

/** Folders inside a run, and large folders without runs. */
const passedOver = /^(\.|checkpoints$|node_modules$)/;

function foldersIn(folder: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // not ours to read, or just removed
  }
  const names = entries.filter((entry) => entry.isDirectory() && !passedOver.test(entry.name)).map(({ name }) => name);
  return names.sort().map((name) => path.join(folder, name));
}

// The virtual environments that `npm run setup:torch` makes, one for each version of PyTorch: `<cache>/deit-lt/python/torch-2.14.1`.
// They lie outside of the tree, so that every checkout shares them.
import os from 'node:os';
import path from 'node:path';

import { isExecutable, isFile, listFolder } from './files.mjs';
import { findPackageFolder } from './find-python.mjs';
import { isAtLeast } from './torch-version.mjs';

/** @typedef {{ version: string, folder: string, python: string, torchFolder: string }} TorchEnvironment */

/** Written last: an environment whose installation was interrupted is not taken. */
export const completeMarker = 'deit-lt-complete';

/**
 * `$DEIT_LT_CACHE/python`, else `$XDG_CACHE_HOME/deit-lt/python`, else `~/.cache/deit-lt/python`; null where there is no home folder.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {string | null}
 */
export function environmentsFolder(env = process.env) {
  if (env.DEIT_LT_CACHE) return path.resolve(env.DEIT_LT_CACHE, 'python');
  const cache = env.XDG_CACHE_HOME || (homeOf(env) && path.join(String(homeOf(env)), '.cache'));
  return cache ? path.resolve(cache, 'deit-lt', 'python') : null;
}

/**
 * The complete ones, the newest version first. Looks at a few files and starts no program.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {TorchEnvironment[]}
 */
export function findTorchEnvironments(env = process.env) {
  const parent = environmentsFolder(env);
  if (parent === null) return [];
  const versions = listFolder(parent).flatMap((name) => /^torch-(\d[\w.+]*)$/.exec(name)?.[1] ?? []);
  return versions
    .sort((a, b) => (a === b ? 0 : isAtLeast(a, b) ? -1 : 1))
    .flatMap((version) => {
      const found = environmentIn(path.join(parent, `torch-${version}`), version);
      return found === null ? [] : [found];
    });
}

/** The torch folder of the newest one, which is the one that is taken. @param {NodeJS.ProcessEnv} [env] @returns {string | null} */
export const newestTorchEnvironment = (env = process.env) => findTorchEnvironments(env)[0]?.torchFolder ?? null;

/** @param {string} folder @param {string} version @returns {TorchEnvironment | null} null when it is not complete */
export function environmentIn(folder, version) {
  const python = path.join(folder, 'bin', 'python3');
  if (!isFile(path.join(folder, completeMarker)) || !isExecutable(python)) return null;
  const torchFolder = findPackageFolder(python, 'torch', { env: {} });
  return torchFolder === null ? null : { version, folder, python, torchFolder };
}

/** A user id without an entry in the password file has no home folder. @param {NodeJS.ProcessEnv} env @returns {string | null} */
function homeOf(env) {
  if (env.HOME) return env.HOME;
  try {
    return os.homedir();
  } catch {
    return null;
  }
}

// Where the python3 on the PATH is and which packages it has, by looking at files only: starting Python costs
// 30 to 200 ms, importing torch seconds, and the set-up must be silent and quick when there is nothing to do.
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { isExecutable, listFolder, readText, realPath } from './files.mjs';
import { runCommand } from './run-command.mjs';

/** @typedef {{ env?: NodeJS.ProcessEnv, cwd?: string }} Surroundings */

/**
 * @param {string} name of a program
 * @param {{ env?: NodeJS.ProcessEnv, skip?: string }} [options] `skip`: a folder of the PATH to leave out
 * @returns {string | null}
 */
export function findOnPath(name, { env = process.env, skip } = {}) {
  for (const folder of (env.PATH ?? '').split(path.delimiter)) {
    if (folder === '' || folder === skip) continue;
    const file = path.join(folder, name);
    if (isExecutable(file)) return file;
  }
  return null;
}

/**
 * The interpreter behind `python3`: a pyenv shim is a shell script, so its version files are followed by hand.
 *
 * @param {Surroundings} [surroundings]
 * @returns {string | null}
 */
export function findPythonOnPath({ env = process.env, cwd = process.cwd() } = {}) {
  const python = findOnPath('python3', { env });
  if (python === null || !isPyenvShim(python)) return python;
  const root = path.dirname(path.dirname(python));
  for (const version of pyenvVersions(root, { env, cwd })) {
    if (version === 'system') return findOnPath('python3', { env, skip: path.dirname(python) });
    const candidate = path.join(root, 'versions', version, 'bin', 'python3');
    if (isExecutable(candidate)) return candidate;
  }
  return null;
}

/**
 * The folder of an installed package, `<site-packages>/torch` for instance.
 *
 * @param {string} python
 * @param {string} name of a package that is a folder
 * @param {Surroundings} [surroundings]
 * @returns {string | null}
 */
export function findPackageFolder(python, name, { env = process.env } = {}) {
  for (const site of siteFolders(python, { env })) {
    const folder = path.join(site, name);
    if (existsSync(path.join(folder, '__init__.py'))) return folder;
  }
  return null;
}

/**
 * The same answers from Python itself, without importing the packages: right also for set-ups that the look at
 * the files does not know (editable installs, other version managers).
 *
 * @param {string} python
 * @param {string[]} names
 * @param {Surroundings & { run?: import('./run-command.mjs').RunCommand }} [options]
 * @returns {Promise<(string | null)[]>} all null when Python does not start
 */
export async function askPackageFolders(python, names, { env = process.env, run = runCommand } = {}) {
  const script = `
import importlib.util, json, os, sys
sys.path = [folder for folder in sys.path if folder]
def folder(name):
    spec = importlib.util.find_spec(name)
    return os.path.dirname(spec.origin) if spec and spec.origin else None
print(json.dumps([folder(name) for name in sys.argv[1:]]))`;
  const { code, stdout } = await run(python, ['-c', script, ...names], { env });
  try {
    if (code === 0) return JSON.parse(stdout);
  } catch {
    // A wrapper that prints something else is no Python that we can use.
  }
  return names.map(() => null);
}

/** @param {string} python @param {{ env: NodeJS.ProcessEnv }} surroundings @returns {string[]} */
function siteFolders(python, { env }) {
  const prefix = path.dirname(path.dirname(python));
  const real = realPath(python);
  const minor = /python(3\.\d+)$/.exec(real)?.[1] ?? null;
  const fromEnv = (env.PYTHONPATH ?? '').split(path.delimiter).filter(Boolean);
  const venv = readText(path.join(prefix, 'pyvenv.cfg'));
  if (venv !== null) {
    const home = /^home\s*=\s*(.+)$/m.exec(venv)?.[1]?.trim();
    const sharesSystem = /^include-system-site-packages\s*=\s*true/im.test(venv);
    const shared = sharesSystem && home ? siteFolders(path.join(home, 'python3'), { env: {} }) : [];
    return [...fromEnv, ...libFolders(prefix, minor), ...shared];
  }
  const home = env.HOME || homeFolder();
  const own = home === null ? [] : [path.join(home, '.local')];
  const user =
    minor === null || home === null ? [] : [path.join(home, 'Library/Python', minor, 'lib/python/site-packages')];
  const prefixes = new Set([prefix, path.dirname(path.dirname(real))]);
  return [
    ...fromEnv,
    ...user,
    ...own.flatMap((each) => libFolders(each, minor)),
    ...[...prefixes].flatMap((each) => libFolders(each, minor)),
  ];
}

/** @returns {string | null} null where a user has none: one whose id is not in /etc/passwd */
function homeFolder() {
  try {
    return os.homedir() || null;
  } catch {
    return null;
  }
}

/** @param {string} prefix @param {string | null} minor `3.11`, or null for any */
function libFolders(prefix, minor) {
  const folders = [];
  for (const lib of ['local/lib', 'lib', 'lib64']) {
    const base = path.join(prefix, lib);
    // Debian keeps its packages in lib/python3, for every minor version.
    const names = listFolder(base).filter(
      (name) => name === 'python3' || (minor ? name === `python${minor}` : /^python3\.\d+$/.test(name)),
    );
    for (const name of names)
      folders.push(path.join(base, name, 'site-packages'), path.join(base, name, 'dist-packages'));
  }
  return folders;
}

/** @param {string} python */
function isPyenvShim(python) {
  const folder = path.dirname(python);
  return path.basename(folder) === 'shims' && existsSync(path.join(path.dirname(folder), 'versions'));
}

/** @param {string} root @param {{ env: NodeJS.ProcessEnv, cwd: string }} surroundings @returns {string[]} in pyenv's order */
function pyenvVersions(root, { env, cwd }) {
  const chosen =
    env.PYENV_VERSION?.replaceAll(':', '\n') ||
    nearestText('.python-version', cwd) ||
    readText(path.join(root, 'version')) ||
    'system';
  return chosen.split(/\s+/).filter(Boolean);
}

/** @param {string} name @param {string} folder @returns {string | null} */
function nearestText(name, folder) {
  const text = readText(path.join(folder, name));
  const parent = path.dirname(folder);
  return text !== null || parent === folder ? text : nearestText(name, parent);
}

// The Python with PyTorch that tests and benchmarks compare with: PYTHON_TORCH, the one whose libtorch the addon uses, the
// python3 on the PATH, or Debian's.
import path from 'node:path';

import { readCurrent } from './current-build.mjs';
import { installPackages, missingPackages, rootPrefix } from './debian-packages.mjs';
import { isExecutable } from './files.mjs';
import { askPackageFolders, findPackageFolder, findPythonOnPath } from './find-python.mjs';
import { referenceHelp } from './manual-commands.mjs';
import { detectSystem } from './operating-system.mjs';
import { SetupError } from './setup-error.mjs';

const needed = ['torch', 'numpy'];

/**
 * @param {{ env?: NodeJS.ProcessEnv, systemPython?: string }} [options]
 * @returns {Promise<string | null>} the interpreter's path
 * @throws {SetupError} when PYTHON_TORCH names a Python without torch or numpy
 */
export async function findReferencePython({ env = process.env, systemPython = '/usr/bin/python3' } = {}) {
  if (env.PYTHON_TORCH) {
    if (await hasPackages(env.PYTHON_TORCH, env)) return env.PYTHON_TORCH;
    throw new SetupError(
      `PYTHON_TORCH=${env.PYTHON_TORCH}: expected a Python interpreter that has torch and numpy. Correct PYTHON_TORCH or unset it.`,
      'PYTHON_TORCH',
    );
  }
  const candidates = [...new Set([pythonOfAddon(), findPythonOnPath({ env }), systemPython])].filter(
    (python) => python !== null && isExecutable(python),
  );
  // All are looked at before one is started: the usual answer then costs no process.
  for (const python of candidates) if (python && looksComplete(python, env)) return python;
  for (const python of candidates) if (python && (await hasPackages(python, env))) return python;
  return null;
}

/** The interpreter beside `lib/python3.11/site-packages/torch/lib`, so that both sides of a comparison have one libtorch. */
function pythonOfAddon() {
  const libDir = readCurrent()?.libtorch.libDir;
  const prefix = /^(.*)\/lib\/python3\.\d+\/site-packages\/torch\/lib$/.exec(libDir ?? '')?.[1];
  return prefix === undefined ? null : path.join(prefix, 'bin/python3');
}

/**
 * Installs Debian's python3-torch where there is none and it may, and what else the tests compare with.
 *
 * @param {import('./install-libtorch.mjs').InstallOptions & { find?: () => Promise<string | null> }} [options]
 * @returns {Promise<string | null>} null where it cannot be installed: see `missingReferenceMessage`
 */
export async function ensureReferencePython({ system = detectSystem(), find = findReferencePython, ...apt } = {}) {
  const found = await find();
  if (found !== null || system.kind !== 'debian') return found;
  const prefix = await rootPrefix(apt);
  if (prefix === null) return null;
  const missing = await missingPackages(['python3-torch', 'python3-numpy', 'python3-torchvision'], apt);
  if (missing.length > 0) await installPackages(missing, prefix, apt);
  return find();
}

/** Returns the message for users where `ensureReferencePython` returned null. */
export const missingReferenceMessage = () =>
  `No Python with torch and numpy: the tests against PyTorch are skipped. To run them:\n${referenceHelp(detectSystem().kind)}`;

/** @param {string} python @param {NodeJS.ProcessEnv} env */
const looksComplete = (python, env) => needed.every((name) => findPackageFolder(python, name, { env }) !== null);

/** @param {string} python @param {NodeJS.ProcessEnv} env */
const hasPackages = async (python, env) =>
  looksComplete(python, env) || (await askPackageFolders(python, needed, { env })).every((folder) => folder !== null);

// Installs today's PyTorch from PyPI into a virtual environment outside of the tree, as users have it by `pip install torch`.
// With it come torchvision, timm and onnx, which the tests compare with.
import { rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { filesUnder } from './files.mjs';
import { findPythonOnPath } from './find-python.mjs';
import { makeFolder } from './make-folder.mjs';
import { lastLines, runCommand, shellLine } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';
import { step } from './step.mjs';
import { completeMarker, environmentIn, environmentsFolder } from './torch-environments.mjs';
import { isAtLeast, versionNumbers } from './torch-version.mjs';

/** @typedef {import('./torch-environments.mjs').TorchEnvironment} TorchEnvironment */
/** @typedef {import('./run-command.mjs').RunCommand} RunCommand */

/** The newest that all tests pass with. */
export const defaultVersion = '2.14.1';
/** torchvision belongs to one torch; for other versions pip finds it. @type {Record<string, string>} */
const torchvisionOf = { '2.14.1': '0.29.1', '2.11.0': '0.26.0' };
const cpuIndex = 'https://download.pytorch.org/whl/cpu';
/** Required free space in GB: measured 5.5 with CUDA, 1.1 without, and what pip unpacks meanwhile. */
const neededGb = { cuda: 9, cpu: 2 };

/**
 * @param {object} [options]
 * @param {string} [options.version] of torch
 * @param {boolean} [options.cpu] PyTorch's own index of builds without CUDA, where the network reaches it
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {RunCommand} [options.run]
 * @param {(line: string) => void} [options.print]
 * @returns {Promise<TorchEnvironment>}
 * @throws {SetupError} that says what is missing: Python, its venv module, space, the version
 */
export async function installPytorch({
  version = defaultVersion,
  cpu = false,
  env = process.env,
  run = runCommand,
  print = console.log,
} = {}) {
  if (versionNumbers(version) === null || !/^[\w.]+$/.test(version))
    throw new SetupError(
      `${version} is not a version of PyTorch. Expected a version such as ${defaultVersion}.`,
      'USAGE',
    );
  if (!isAtLeast(version, '2.0'))
    throw new SetupError(`PyTorch ${version} is older than 2.0, the oldest that is installed here.`, 'USAGE');
  const parent = environmentsFolder(env);
  if (parent === null)
    throw new SetupError('There is no home folder. Set DEIT_LT_CACHE to a folder for the installation.', 'NO_HOME');
  const folder = path.join(parent, `torch-${version}`);
  const existing = environmentIn(folder, version);
  if (existing !== null) {
    print(`PyTorch ${version} is installed in ${folder}.`);
    return existing;
  }
  const python = findPythonOnPath({ env });
  if (python === null)
    throw new SetupError('No python3 on the PATH. Install Python 3.10 or newer, then run this again.', 'NO_PYTHON');
  rmSync(folder, { recursive: true, force: true }); // an interrupted installation
  try {
    makeFolder(parent);
  } catch (error) {
    throw new SetupError(
      `${parent} cannot be made: ${/** @type {Error} */ (error).message}. DEIT_LT_CACHE or XDG_CACHE_HOME names another folder.`,
    );
  }
  checkSpace(parent, cpu ? neededGb.cpu : neededGb.cuda);
  const packages = packagesOf(version);
  print(
    `Installing ${packages.join(', ')} ${cpu ? `from ${cpuIndex}` : 'from PyPI'} into ${folder}: ${cpu ? 'about 1.1 GB' : 'about 5.5 GB with its CUDA libraries (--cpu: about 1.1 GB, without)'}.`,
  );
  try {
    await step('Making the virtual environment', () => succeed(run, [python, '-m', 'venv', folder], env));
    const pip = [path.join(folder, 'bin/python3'), '-m', 'pip', 'install', '--quiet'];
    await step('Installing', () =>
      succeed(
        run,
        [
          ...pip,
          ...(cpu ? ['--index-url', cpuIndex, '--extra-index-url', 'https://pypi.org/simple'] : []),
          ...packages,
        ],
        env,
      ),
    );
    writeFileSync(path.join(folder, completeMarker), `${packages.join(' ')}\n`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const made = environmentIn(folder, version);
  if (made === null) throw new SetupError(`pip has installed no torch into ${folder}.`, 'PIP');
  print(`${sizeInGb(folder).toFixed(1)} GB in ${folder}. To remove it: ${shellLine(['rm', '-r', folder])}`);
  return made;
}

/** @param {string} version */
const packagesOf = (version) => [
  `torch==${version}`,
  torchvisionOf[version] ? `torchvision==${torchvisionOf[version]}` : 'torchvision',
  'timm',
  'onnx',
];

/** @param {string} folder @param {number} needed in GB */
function checkSpace(folder, needed) {
  const { bavail, bsize } = statfsSync(folder);
  const free = (bavail * bsize) / 1e9;
  if (free < needed)
    throw new SetupError(
      `${folder} has ${free.toFixed(1)} GB free; the installation needs ${needed} GB while it runs. Free some, or set DEIT_LT_CACHE to a folder on another disk.`,
      'SPACE',
    );
}

/** @param {string} folder */
const sizeInGb = (folder) =>
  filesUnder(folder).reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0) / 1e9;

/** @param {RunCommand} run @param {string[]} command @param {NodeJS.ProcessEnv} env */
async function succeed(run, command, env) {
  const [program = '', ...args] = command;
  const { code, output } = await run(program, args, { env });
  if (code === 0) return;
  const hint = /ensurepip|No module named venv/.test(output)
    ? '\nOn Debian and Ubuntu: apt-get install python3-venv'
    : '';
  throw new SetupError(`This command failed:\n${shellLine(command)}\n${lastLines(output, 12)}${hint}`, 'PIP');
}

// The whole set-up of the addon, in order: is the present build good? else find libtorch, install, build, try it.
import path from 'node:path';

import { buildAddon } from './build-addon.mjs';
import { buildDistributed } from './build-distributed.mjs';
import {
  defaultBuildDir,
  findCompiler,
  keyOf,
  readCurrent,
  requestOf,
  staleReason,
  writeCurrent,
} from './current-build.mjs';
import { findAllLibtorch, findLibtorch, lookForPythonTorch } from './find-libtorch.mjs';
import { ensureFastBlas, installLibtorch, lackError } from './install-libtorch.mjs';
import { lastLines, runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';
import { step } from './step.mjs';
import { newestTorchEnvironment } from './torch-environments.mjs';
import { isAtLeast } from './torch-version.mjs';

/** @typedef {import('./find-libtorch.mjs').Libtorch} Libtorch */

/**
 * @param {{ install?: boolean, recheck?: boolean, env?: NodeJS.ProcessEnv }} [options]
 *   `install`: may install Debian packages (default false); `recheck`: look again although the build seems good
 * @returns {Promise<string>} the addon's path
 * @throws {SetupError} when something is missing or does not compile: says what to type
 */
export async function ensureAddon({ install = false, recheck = false, env = process.env } = {}) {
  const current = readCurrent();
  const reason = staleReason(current, { env });
  if (current && reason === null && !recheck) return path.join(defaultBuildDir, current.addon);

  const { libtorch, compiler } = await findParts({ install, env });
  const isWhole = current?.distributed && 'addon' in current.distributed;
  if (current && reason === null && isWhole && current.key === keyOf({ libtorch, compiler }))
    return path.join(defaultBuildDir, current.addon);
  await ensureFastBlas(libtorch, { install });
  const { addon, key, warnings, distributed } = await step(
    `Building the addon for libtorch ${libtorch.version} in ${libtorch.libDir}${libtorch.cuda ? ` with CUDA ${libtorch.cuda}` : ''} (${reason ?? 'looking again'})`,
    async () => {
      const built = await buildAddon(libtorch, { compiler });
      await tryLoading(path.join(defaultBuildDir, built.addon));
      return { ...built, distributed: await usableDistributed(libtorch, compiler) };
    },
    { detail: ({ compiled }) => (compiled === 0 ? 'already compiled' : `${compiled} files compiled`) },
  );
  for (const warning of warnings.slice(0, 10)) console.log(warning);
  const needsCudaHeaders = !isAtLeast(libtorch.version, '2.9');
  if (libtorch.cuda && !libtorch.cudaIncludeDir && needsCudaHeaders) console.log(missingCudaHeaders(libtorch));
  const pythonTorch = lookForPythonTorch({ env });
  writeCurrent({
    addon,
    key,
    libtorch,
    request: requestOf(env),
    pythonTorch,
    torchEnvironment: newestTorchEnvironment(env),
    others: (await findAllLibtorch({ env }))
      .filter(({ libDir }) => libDir !== libtorch.libDir)
      .map(({ source, version, libDir }) => ({ source, version, folder: prefixOf(libDir) })),
    distributed,
    compiler,
    builtAt: new Date().toISOString(),
  });
  return path.join(defaultBuildDir, addon);
}

/** @param {{ install: boolean, env: NodeJS.ProcessEnv }} options @returns {Promise<{ libtorch: Libtorch, compiler: string }>} */
async function findParts({ install, env }) {
  for (const mayInstall of install ? [true, false] : [false]) {
    /** @type {string[]} */
    const skipped = [];
    const libtorch = await findLibtorch({ env, onSkip: (reason) => skipped.push(reason) });
    const compiler = findCompiler({ env });
    if (libtorch && compiler) return { libtorch, compiler };
    if (env.CXX && !compiler)
      throw new SetupError(
        `CXX=${env.CXX}: there is no such program. Expected a C++ compiler such as g++ or clang++, without arguments. Correct CXX or unset it.`,
        'NO_COMPILER',
      );
    const lacks = { libtorch: !libtorch, compiler: !compiler };
    if (!mayInstall) throw lackError(lacks, undefined, skipped);
    await installLibtorch(lacks);
  }
  throw new Error('internal: findParts() ended without a result');
}

/** Returns the folder that LIBTORCH names: the one above `lib` or `lib/x86_64-linux-gnu`. @param {string} libDir */
const prefixOf = (libDir) =>
  path.dirname(path.basename(path.dirname(libDir)) === 'lib' ? path.dirname(libDir) : libDir);

/** A build that cannot be loaded must fail here, with the loader's message. @param {string} file */
async function tryLoading(file) {
  const cause = await loadFailure(file);
  if (cause !== null) throw new SetupError(`The addon was built but cannot be loaded: ${cause}\nFile: ${file}`, 'LOAD');
}

/** @param {string} file @returns {Promise<string | null>} null when it loads */
async function loadFailure(file) {
  const { code, output } = await runCommand(process.execPath, ['-e', 'require(process.argv[1])', file]);
  return code === 0 ? null : (/^Error: (.*)$/m.exec(output)?.[1] ?? lastLines(output, 5));
}

/**
 * The addon of process groups, where it loads; without NCCL, where only that does not.
 *
 * @param {Libtorch} libtorch
 * @param {string} compiler
 * @returns {Promise<import('./build-distributed.mjs').Distributed>}
 */
async function usableDistributed(libtorch, compiler) {
  let built = await buildDistributed(libtorch, { compiler });
  for (;;) {
    if ('reason' in built) return built;
    const cause = await loadFailure(path.join(defaultBuildDir, built.addon));
    if (cause === null) return built;
    const reason = `it does not load: ${cause}`;
    if (built.nccl !== true) return { reason };
    built = await buildDistributed(libtorch, { compiler, withoutNccl: reason });
  }
}

/** @param {Libtorch} libtorch */
const missingCudaHeaders = ({ cuda }) =>
  `Note: cuda_runtime_api.h of CUDA ${cuda} was not found (looked beside torch, in CUDA_HOME and in /usr/local/cuda): CUDA works, but its memory statistics do not. Install the CUDA toolkit's headers, or set CUDA_HOME, and run again.`;

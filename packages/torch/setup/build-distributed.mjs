// Compiles native/distributed into an addon of its own: PyTorch's process groups. It is optional. Where libtorch came without their
// headers or was built without Gloo, the engine is whole without it, and the reason is kept for `deit-torch-doctor`.
import path from 'node:path';

import { findNodeHeaders, nativeDir, readDistributedSources, readSources } from './addon-sources.mjs';
import { produce, removeStale } from './build-addon.mjs';
import { compileFlags, linkFlags } from './compile-flags.mjs';
import { defaultBuildDir, libtorchIdentity, portableFlags } from './current-build.mjs';
import { isFile, sha256 } from './files.mjs';
import { runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./find-libtorch.mjs').Libtorch} Libtorch */
/** @typedef {import('./run-command.mjs').RunCommand} RunCommand */

/** @typedef {{ addon: string } | { reason: string }} Distributed `addon`: its file name in the build folder; `reason`: why there is none */

const neededHeader = 'torch/csrc/distributed/c10d/ProcessGroupGloo.hpp';

/**
 * @param {Libtorch} libtorch
 * @param {{ compiler: string, buildDir?: string, run?: RunCommand }} options
 * @returns {Promise<Distributed>} never rejects for a libtorch that cannot have it
 */
export async function buildDistributed(libtorch, { compiler, buildDir = defaultBuildDir, run = runCommand }) {
  if (!libtorch.includeDirs.some((folder) => isFile(path.join(folder, neededHeader))))
    return { reason: `this libtorch came without the header ${neededHeader}` };
  const { nodeIncludeDirs, nodeHeadersVersion } = findNodeHeaders();
  const flags = [...compileFlags(libtorch, { nodeIncludeDirs }), ...declarationFlags()];
  const links = [...linkFlags({ ...libtorch, cuda: null, cudart: null }), ...lateSymbols()];
  const texts = readDistributedSources().flatMap(({ name, text }) => [name, text]);
  const { headersHash } = readSources();
  const identity = [libtorchIdentity(libtorch), compiler, nodeHeadersVersion, headersHash, ...portableFlags(libtorch)];
  const prefix = `distributed-${libtorch.version}-`;
  const addon = `${prefix}${sha256(...identity, ...links, ...texts).slice(0, 12)}.node`;
  const file = path.join(buildDir, addon);
  try {
    const source = path.join(nativeDir, 'distributed', 'distributed.cc');
    if (!isFile(file)) await produce(run, [compiler, ...flags, source, ...links], file);
  } catch (error) {
    if (error instanceof SetupError) return { reason: `it does not compile: ${firstError(error)}` };
    throw error;
  }
  removeStale(buildDir, { prefix, keep: [addon] });
  return { addon };
}

/** The declarations of Gloo's names stand before any real headers of Gloo, so that all builds use the same. */
const declarationFlags = () => ['-isystem', path.join(nativeDir, 'distributed', 'declarations')];

/** Symbols are looked up when the addon is loaded: a libtorch without Gloo is found at the set-up, not in a training. */
const lateSymbols = () => (process.platform === 'darwin' ? [] : ['-Wl,-z,now']);

/** The first line of the compiler's errors. @param {SetupError} error */
const firstError = ({ message }) => message.split('\n')[1] ?? message;

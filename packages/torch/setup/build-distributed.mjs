// Compiles native/distributed into an addon of its own: PyTorch's process groups. It is optional. Where libtorch came without their
// headers or was built without Gloo, the engine is whole without it, and the reason is kept for `deit-torch-doctor`. The same holds for
// NCCL, which only a libtorch with CUDA has.
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

/**
 * @typedef {{ addon: string, nccl: true | { reason: string } } | { reason: string }} Distributed `addon`: its file name in the build
 *   folder; `reason`: why there is none, or why it has no NCCL
 */

const neededHeader = 'torch/csrc/distributed/c10d/ProcessGroupGloo.hpp';
const ncclGroupHeader = 'torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp';

/**
 * @param {Libtorch} libtorch
 * @param {{ compiler: string, buildDir?: string, run?: RunCommand, withoutNccl?: string }} options `withoutNccl`: why not to try it
 * @returns {Promise<Distributed>} never rejects for a libtorch that cannot have it
 */
export async function buildDistributed(
  libtorch,
  { compiler, buildDir = defaultBuildDir, run = runCommand, withoutNccl },
) {
  if (!hasHeader(libtorch, neededHeader)) return { reason: `this libtorch came without the header ${neededHeader}` };
  const place = { compiler, buildDir, run };
  const nccl = withoutNccl === undefined ? ncclFlags(libtorch) : { reason: withoutNccl };
  const whole = 'reason' in nccl ? nccl : await compile(libtorch, place, nccl);
  if ('addon' in whole) return { ...whole, nccl: true };
  const without = await compile(libtorch, place);
  return 'addon' in without ? { ...without, nccl: { reason: whole.reason } } : without;
}

/** @typedef {{ sources: string[], flags: string[], links: string[] }} Addition what NCCL adds to the addon */

/**
 * @param {Libtorch} libtorch
 * @param {{ compiler: string, buildDir: string, run: RunCommand }} place
 * @param {Addition} [nccl]
 * @returns {Promise<{ addon: string } | { reason: string }>}
 */
async function compile(libtorch, { compiler, buildDir, run }, nccl) {
  const { nodeIncludeDirs, nodeHeadersVersion } = findNodeHeaders();
  const flags = [...compileFlags(libtorch, { nodeIncludeDirs }), ...declarationFlags(), ...(nccl?.flags ?? [])];
  const links = [...linkFlags({ ...libtorch, cuda: null, cudart: null }), ...lateSymbols(), ...(nccl?.links ?? [])];
  const sources = ['distributed.cc', ...(nccl?.sources ?? [])].map((name) => path.join(nativeDir, 'distributed', name));
  const texts = readDistributedSources().flatMap(({ name, text }) => [name, text]);
  const { headersHash } = readSources();
  const identity = [libtorchIdentity(libtorch), compiler, nodeHeadersVersion, headersHash, ...portableFlags(libtorch)];
  const prefix = `distributed-${libtorch.version}-`;
  const withNccl = nccl === undefined ? [] : ['nccl'];
  const addon = `${prefix}${sha256(...identity, ...withNccl, ...links, ...texts).slice(0, 12)}.node`;
  const file = path.join(buildDir, addon);
  try {
    if (!isFile(file)) await produce(run, [compiler, ...flags, ...sources, ...links], file);
  } catch (error) {
    if (error instanceof SetupError) return { reason: `it does not compile: ${firstError(error)}` };
    throw error;
  }
  removeStale(buildDir, { prefix, keep: [addon] });
  return { addon };
}

/**
 * Returns what NCCL needs: PyTorch's header of its process group, NCCL's own, and those of CUDA.
 *
 * @param {Libtorch} libtorch
 * @returns {Addition | { reason: string }}
 */
function ncclFlags(libtorch) {
  const { cuda, cudaIncludeDir, libDir } = libtorch;
  if (cuda === null) return { reason: 'this libtorch is without CUDA' };
  if (!hasHeader(libtorch, ncclGroupHeader))
    return { reason: `this libtorch came without the header ${ncclGroupHeader}` };
  if (cudaIncludeDir === null)
    return { reason: `the headers of CUDA ${cuda} were not found; install its toolkit, or set CUDA_HOME` };
  const beside = path.resolve(libDir, '..', '..', 'nvidia', 'nccl', 'include');
  const ncclDir = [beside, cudaIncludeDir, '/usr/include'].find((folder) => isFile(path.join(folder, 'nccl.h')));
  if (ncclDir === undefined) return { reason: `the header nccl.h was not found in ${beside} and ${cudaIncludeDir}` };
  const own = path.join(nativeDir, 'distributed', 'declarations-cuda');
  return {
    sources: ['nccl.cc'],
    // After the headers of the toolkit, which may have all.
    flags: ['-DWITH_NCCL', ...(ncclDir === '/usr/include' ? [] : ['-isystem', ncclDir]), '-idirafter', own],
    links: ['-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda'],
  };
}

/** @param {Libtorch} libtorch @param {string} name */
const hasHeader = ({ includeDirs }, name) => includeDirs.some((folder) => isFile(path.join(folder, name)));

/** The declarations of Gloo's names stand before any real headers of Gloo, so that all builds use the same. */
const declarationFlags = () => ['-isystem', path.join(nativeDir, 'distributed', 'declarations')];

/** Symbols are looked up when the addon is loaded: a libtorch without Gloo is found at the set-up, not in a training. */
const lateSymbols = () => (process.platform === 'darwin' ? [] : ['-Wl,-z,now']);

/** The first line of the compiler's errors. @param {SetupError} error */
const firstError = ({ message }) => message.split('\n')[1] ?? message;

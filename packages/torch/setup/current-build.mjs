// build/current.json: which addon is the present one, what it was built from, and whether that still holds.
// The check reads a dozen small files and starts no program: it runs before every command.
import { statSync } from 'node:fs';
import path from 'node:path';

import { findNodeHeaders, packageRoot, readDistributedSources, readSources } from './addon-sources.mjs';
import { compileFlags, linkFlags } from './compile-flags.mjs';
import { isFile, readText, realPath, sha256, writeAtomically } from './files.mjs';
import { libraryName, lookForPythonTorch, versionHeader } from './find-libtorch.mjs';
import { findOnPath } from './find-python.mjs';
import { newestTorchEnvironment } from './torch-environments.mjs';

/** @typedef {import('./find-libtorch.mjs').Libtorch} Libtorch */

/**
 * @typedef {object} CurrentBuild
 * @property {string} addon file name in the build folder
 * @property {string} key hash of all that the addon is made from
 * @property {Libtorch} libtorch
 * @property {Request} request what the user asked for, by environment variables
 * @property {string | null} pythonTorch the torch folder of python3 at that time
 * @property {string | null} [torchEnvironment] the newest torch folder of `npm run setup:torch` at that time
 * @property {{ source: string, version: string, folder: string }[]} [others] usable libtorchs that were not taken
 * @property {import('./build-distributed.mjs').Distributed} [distributed] the addon of process groups, or why there is none
 * @property {string} compiler
 * @property {string} builtAt ISO 8601
 */

/** @typedef {{ LIBTORCH: string | null, CXX: string | null, CUDA_HOME: string | null }} Request */

export const defaultBuildDir = path.join(packageRoot, 'build');

/** @param {NodeJS.ProcessEnv} env @returns {Request} */
export function requestOf(env) {
  const LIBTORCH = env.LIBTORCH ? path.resolve(env.LIBTORCH) : null;
  return { LIBTORCH, CXX: env.CXX || null, CUDA_HOME: env.CUDA_HOME || env.CUDA_PATH || null };
}

/** @param {string} [buildDir] @returns {CurrentBuild | null} null when there is none, or one of another form */
export function readCurrent(buildDir = defaultBuildDir) {
  try {
    const current = JSON.parse(readText(path.join(buildDir, 'current.json')) ?? 'null');
    return typeof current?.addon === 'string' && typeof current.key === 'string' && current.libtorch && current.request
      ? current
      : null;
  } catch {
    return null;
  }
}

/** @param {CurrentBuild} current @param {string} [buildDir] */
export function writeCurrent(current, buildDir = defaultBuildDir) {
  writeAtomically(path.join(buildDir, 'current.json'), `${JSON.stringify(current, null, 2)}\n`);
}

/**
 * Why the recorded build is not the one wanted now, or null when it is.
 *
 * @param {CurrentBuild | null} current
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.buildDir]
 * @param {() => string | null} [options.pythonTorch]
 * @param {() => string | null} [options.torchEnvironment]
 * @param {(current: CurrentBuild) => string} [options.key]
 * @returns {string | null}
 */
export function staleReason(
  current,
  {
    env = process.env,
    buildDir = defaultBuildDir,
    pythonTorch = () => lookForPythonTorch({ env }),
    torchEnvironment = () => newestTorchEnvironment(env),
    key = keyOf,
  } = {},
) {
  if (current === null || !isFile(path.join(buildDir, current.addon))) return 'it is not built yet';
  const { distributed } = current;
  if (distributed && 'addon' in distributed && !isFile(path.join(buildDir, distributed.addon)))
    return 'its part for process groups is gone';
  const request = requestOf(env);
  // Without CUDA in libtorch its toolkit makes no difference.
  /** @type {(keyof Request)[]} */
  const names = current.libtorch.cuda ? ['LIBTORCH', 'CXX', 'CUDA_HOME'] : ['LIBTORCH', 'CXX'];
  const changed = names.find((name) => current.request[name] !== request[name]);
  if (changed) return `${changed} is now ${request[changed] ?? 'not set'}`;
  if (!isFile(path.join(current.libtorch.libDir, libraryName())))
    return `libtorch is gone from ${current.libtorch.libDir}`;
  if (request.LIBTORCH === null) {
    const torchFolder = pythonTorch();
    if (torchFolder !== current.pythonTorch)
      return torchFolder === null ? 'python3 has no torch any more' : `python3 now has torch in ${torchFolder}`;
    const environment = torchEnvironment();
    if (environment !== (current.torchEnvironment ?? null))
      return environment === null ? 'the torch of setup:torch is gone' : `setup:torch made ${environment}`;
  }
  return key(current) === current.key ? null : 'its sources or libtorch changed';
}

/**
 * Identifies a libtorch on this disk: a package upgraded in place keeps its version and path.
 *
 * @param {Libtorch} libtorch
 */
export function libtorchIdentity({ version, libDir, includeDirs }) {
  const header = versionHeader(String(includeDirs[0]));
  const libraries = [libraryName(), libraryName().replace('torch_cpu', 'c10'), 'libtorch_cuda.so'].map((name) =>
    path.join(libDir, name),
  );
  const stamps = [header, ...libraries].map((file) => {
    const stat = file === null ? undefined : statSync(file, { throwIfNoEntry: false });
    return stat ? `${file} ${stat.size} ${stat.mtimeMs}` : 'none';
  });
  return [version, ...stamps].join('\n');
}

/**
 * The compiler's flags without the folders of this checkout, whose content is hashed: moved or copied, it is not compiled again.
 *
 * @param {Libtorch} libtorch
 */
export const portableFlags = (libtorch) => compileFlags(libtorch, { nodeIncludeDirs: [] });

/** @param {Pick<CurrentBuild, 'libtorch' | 'compiler'>} build @returns {string} */
export function keyOf({ libtorch, compiler }) {
  const { sources, headersHash } = readSources();
  const { nodeHeadersVersion } = findNodeHeaders();
  const flags = [...portableFlags(libtorch), ...linkFlags(libtorch)];
  const texts = [...sources, ...readDistributedSources()].flatMap(({ name, text }) => [name, text]);
  return sha256(libtorchIdentity(libtorch), compiler, nodeHeadersVersion, headersHash, ...flags, ...texts);
}

/**
 * The C++ compiler: CXX, else the first of g++, clang++ and c++ on the PATH.
 *
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {string | null} its path, links resolved, so that another version is another compiler
 */
export function findCompiler({ env = process.env } = {}) {
  for (const name of env.CXX ? [env.CXX] : ['g++', 'clang++', 'c++']) {
    const file = path.isAbsolute(name) ? name : findOnPath(name, { env });
    if (file !== null && isFile(file)) return path.isAbsolute(name) ? file : realPath(file);
  }
  return null;
}

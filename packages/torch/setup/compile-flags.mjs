// The compiler's and linker's arguments for a libtorch, as pure functions of what was found.
import path from 'node:path';

import { isAtLeast } from './torch-version.mjs';

/** @typedef {import('./find-libtorch.mjs').Libtorch} Libtorch */

/**
 * libtorch asks for C++20 from 2.12 on; up to 2.11 its headers are written for C++17.
 *
 * @param {string} version
 */
export const cppStandard = (version) => (isAtLeast(version, '2.12') ? 'c++20' : 'c++17');

/**
 * @param {Libtorch} libtorch
 * @param {{ nodeIncludeDirs: string[] }} options the folders of napi.h and node_api.h
 * @returns {string[]} all but the source and the output
 */
export function compileFlags(libtorch, { nodeIncludeDirs }) {
  const { version, includeDirs, cxx11Abi, cudaIncludeDir } = libtorch;
  // Named with -isystem, a folder that the compiler searches anyway would change the order of its own headers.
  const cudaIncludeDirs = cudaIncludeDir === null ? [] : [cudaIncludeDir];
  const foreign = [...includeDirs, ...nodeIncludeDirs, ...cudaIncludeDirs].filter(
    (folder) => !['/usr/include', '/usr/local/include'].includes(folder),
  );
  return [
    `-std=${cppStandard(version)}`,
    '-O2',
    '-fPIC',
    '-fvisibility=hidden',
    '-pthread',
    '-Wall',
    '-Wextra',
    '-Wno-unused-parameter',
    // NAPI_EXPERIMENTAL: its finalizers may run during garbage collection, without a trip through the event loop.
    '-DNAPI_VERSION=2147483647',
    '-DNAPI_CPP_EXCEPTIONS',
    ...(cxx11Abi === undefined ? [] : [`-D_GLIBCXX_USE_CXX11_ABI=${cxx11Abi ? 1 : 0}`]),
    ...(cudaIncludeDir === null ? [] : ['-DWITH_CUDA_HEADERS']),
    ...foreign.flatMap((folder) => ['-isystem', folder]),
  ];
}

/**
 * @param {Libtorch} libtorch
 * @param {{ platform?: NodeJS.Platform }} [options]
 * @returns {string[]} to follow the object files
 */
export function linkFlags({ libDir, cuda, cudart }, { platform = process.platform } = {}) {
  const folders = [libDir, ...(cudart === null ? [] : [path.dirname(cudart)])];
  // Nothing of ours names a symbol of libtorch_cuda: the linker would drop it, and CUDA would be missing at run time.
  const cudaLibraries =
    cuda === null ? [] : ['-Wl,--no-as-needed', '-ltorch_cuda', '-lc10_cuda', ...(cudart === null ? [] : [cudart])];
  return [
    '-shared',
    '-pthread',
    // The dispatcher and tensors keep pointers into the addon, which may be loaded by a worker thread that ends.
    ...(platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-Wl,-z,nodelete']),
    `-L${libDir}`,
    ...cudaLibraries,
    '-ltorch',
    '-ltorch_cpu',
    '-lc10',
    ...[...new Set(folders)].map((folder) => `-Wl,-rpath,${folder}`),
  ];
}

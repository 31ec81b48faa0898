// The CUDA headers and run-time library that fit a libtorch with CUDA. Without the headers the addon still trains
// on CUDA; only memory statistics are missing, and from libtorch 2.9 on nothing.
import path from 'node:path';

import { isFile, listFolder, readText } from './files.mjs';

/**
 * A folder with `cuda_runtime_api.h` of libtorch's own major version: structures change between majors.
 *
 * @param {{ cuda: string, torchFolder: string, env?: NodeJS.ProcessEnv, toolkitRoot?: string }} options
 *   `cuda`: libtorch's CUDA version, `unknown` takes any; `torchFolder`: pip keeps NVIDIA's packages beside it
 * @returns {string | null}
 */
export function findCudaHeaders({ cuda, torchFolder, env = process.env, toolkitRoot = '/usr/local' }) {
  const toolkits = [
    env.CUDA_HOME,
    env.CUDA_PATH,
    path.join(toolkitRoot, 'cuda'),
    path.join(toolkitRoot, `cuda-${cuda}`),
  ];
  const folders = [
    ...nvidiaFolders(torchFolder).map((folder) => path.join(folder, 'include')),
    ...toolkits.flatMap((toolkit) => (toolkit ? [path.join(toolkit, 'include')] : [])),
    '/usr/include',
  ];
  return folders.find((folder) => isUsable(folder, cuda)) ?? null;
}

/**
 * The libcudart that libtorch itself loads, to link the addon's few calls of it.
 *
 * @param {{ torchFolder: string, libDir: string, cudaIncludeDir: string | null }} options
 * @returns {string | null}
 */
export function findCudart({ torchFolder, libDir, cudaIncludeDir }) {
  const toolkit = cudaIncludeDir === null ? [] : ['../lib64', '../lib'].map((lib) => path.join(cudaIncludeDir, lib));
  const folders = [libDir, ...nvidiaFolders(torchFolder).map((folder) => path.join(folder, 'lib')), ...toolkit];
  for (const folder of folders) {
    const name = listFolder(folder).find((each) => /^libcudart(-[0-9a-f]+)?\.so/.test(each));
    if (name) return path.join(folder, name);
  }
  return null;
}

/** `nvidia/cu13`, `nvidia/cuda_runtime`, …: every version of pip's packages has its own layout. @param {string} torchFolder */
function nvidiaFolders(torchFolder) {
  const nvidia = path.join(path.dirname(torchFolder), 'nvidia');
  return listFolder(nvidia)
    .filter((name) => /^cu\d+$/.test(name) || name === 'cuda_runtime')
    .map((name) => path.join(nvidia, name));
}

/** @param {string} folder @param {string} cuda */
function isUsable(folder, cuda) {
  const header = readText(path.join(folder, 'cuda_runtime_api.h'));
  // pip's packages can lack crt/, which the header needs.
  if (header === null || !isFile(path.join(folder, 'crt/host_defines.h'))) return false;
  const major = Math.floor(Number(/#define\s+CUDART_VERSION\s+(\d+)/.exec(header)?.[1]) / 1000);
  return cuda === 'unknown' || Number.isNaN(major) || major === Number.parseInt(cuda, 10);
}

// Finds libtorch: the folder in LIBTORCH, the torch of the python3 on the PATH, then the system's.
import path from 'node:path';
import { isFile, isFolder, readText, realPath } from './files.mjs';
import { findCudaHeaders, findCudart } from './find-cuda.mjs';
import { askPackageFolders, findPackageFolder, findPythonOnPath } from './find-python.mjs';
import { SetupError } from './setup-error.mjs';
import {
  cudaOfVersion,
  isAtLeast,
  oldestVersion,
  parseCxx11Abi,
  parseVersionHeader,
  parseVersionPy,
} from './torch-version.mjs';

/**
 * @typedef {object} Libtorch
 * @property {'LIBTORCH' | 'python' | 'system'} source where it was found
 * @property {string} version `1.13.0`, `2.11.0+cu130`
 * @property {string[]} includeDirs for the compiler, in order
 * @property {string} libDir with libtorch_cpu
 * @property {boolean} [cxx11Abi] undefined when unknown
 * @property {string | null} cuda its CUDA version (`unknown` when only the library tells), null without CUDA
 * @property {string | null} cudaIncludeDir with cuda_runtime_api.h
 * @property {string | null} cudart the libcudart to link
 */

/** @typedef {{ includeDir: string, libDir: string, torchFolder: string }} Place where a libtorch may be */

/** Debian's and Ubuntu's folder names for libraries. @type {Record<string, string>} */
const multiarch = {
  x64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  loong64: 'loongarch64-linux-gnu',
};

/** @param {NodeJS.Platform} [platform] */
export const libraryName = (platform = process.platform) =>
  platform === 'darwin' ? 'libtorch_cpu.dylib' : 'libtorch_cpu.so';

/**
 * @param {object} [options]
 * @param {NodeJS.ProcessEnv} [options.env] LIBTORCH, PATH, CUDA_HOME
 * @param {NodeJS.Platform} [options.platform]
 * @param {Place[]} [options.systemPlaces] replaced in tests
 * @param {() => Promise<string | null>} [options.pythonTorch] the torch folder of python3, replaced in tests
 * @param {(reason: string) => void} [options.onSkip] told why a libtorch that is there is not taken
 * @returns {Promise<Libtorch | null>}
 * @throws {SetupError} when LIBTORCH is set but is no libtorch
 */
export async function findLibtorch({
  env = process.env,
  platform = process.platform,
  systemPlaces = placesOfSystem(),
  pythonTorch = () => locatePythonTorch({ env }),
  onSkip = () => {},
} = {}) {
  if (env.LIBTORCH) return describeNamed(env.LIBTORCH, { env, platform });
  const torchFolder = await pythonTorch();
  const candidates = [...(torchFolder === null ? [] : placesOfPython(torchFolder)), ...systemPlaces];
  for (const place of candidates) {
    if (missingParts(place, platform).length > 0) continue;
    // Debian's python3-torch is links to the system's libtorch: one name for it, whatever the PATH is.
    const system = systemPlaces.find((each) => libraryOf(each, platform) === libraryOf(place, platform));
    const libtorch = describe(system ?? place, system ? 'system' : 'python', { env, platform });
    if (isAtLeast(libtorch.version, oldestVersion)) return libtorch;
    onSkip(`libtorch ${libtorch.version} in ${place.libDir} is older than ${oldestVersion}`);
  }
  if (torchFolder !== null)
    onSkip(`the torch of python3 in ${torchFolder} has no headers or no ${libraryName(platform)}`);
  return null;
}

/**
 * The torch folder of python3 without starting it: what the check for "nothing to do" compares.
 *
 * @param {import('./find-python.mjs').Surroundings} [surroundings]
 */
export function lookForPythonTorch({ env = process.env, cwd = process.cwd() } = {}) {
  const python = findPythonOnPath({ env, cwd });
  return python === null ? null : findPackageFolder(python, 'torch', { env });
}

/** Looks first, then asks Python. @param {{ env: NodeJS.ProcessEnv }} surroundings @returns {Promise<string | null>} */
async function locatePythonTorch({ env }) {
  const python = findPythonOnPath({ env });
  if (python === null) return null;
  return lookForPythonTorch({ env }) ?? (await askPackageFolders(python, ['torch'], { env }))[0] ?? null;
}

/** @param {string} folder @param {{ env: NodeJS.ProcessEnv, platform: NodeJS.Platform }} surroundings @returns {Libtorch} */
function describeNamed(folder, { env, platform }) {
  const root = path.resolve(folder);
  const expected = `Expected the folder of libtorch ${oldestVersion} or newer with include/ATen and lib/${libraryName(platform)}: an unpacked libtorch zip of pytorch.org, or the torch folder of a Python that has it.`;
  /** @param {string} found */
  const wrong = (found) =>
    new SetupError(`LIBTORCH=${folder}: ${found}.\n${expected}\nCorrect LIBTORCH or unset it.`, 'LIBTORCH');
  if (!isFolder(root)) throw wrong('there is no such folder');
  const place = { includeDir: path.join(root, 'include'), libDir: path.join(root, 'lib'), torchFolder: root };
  const missing = missingParts(place, platform);
  if (missing.length > 0) throw wrong(`it has no ${missing.map((file) => path.relative(root, file)).join(' and no ')}`);
  const libtorch = describe(place, 'LIBTORCH', { env, platform });
  if (!isAtLeast(libtorch.version, oldestVersion)) throw wrong(`its version is ${libtorch.version}`);
  return libtorch;
}

/** @param {Place} place @param {Libtorch['source']} source @param {{ env: NodeJS.ProcessEnv, platform: NodeJS.Platform }} surroundings @returns {Libtorch} */
function describe(place, source, { env, platform }) {
  const { includeDir, libDir, torchFolder } = place;
  const python = parseVersionPy(readText(path.join(torchFolder, 'version.py')) ?? '');
  const version =
    python.version ??
    readText(path.join(torchFolder, 'build-version'))?.trim() ??
    versionOfHeaders(includeDir) ??
    '0.0.0';
  const hasCuda = isFile(path.join(libDir, 'libtorch_cuda.so'));
  const cuda = hasCuda ? (python.cuda ?? cudaOfVersion(version) ?? 'unknown') : null;
  const cudaIncludeDir = cuda === null ? null : findCudaHeaders({ cuda, torchFolder, env });
  return {
    source,
    version,
    includeDirs: [includeDir, path.join(includeDir, 'torch/csrc/api/include')],
    libDir,
    cxx11Abi: platform === 'linux' ? cxx11Abi(place) : undefined,
    cuda,
    cudaIncludeDir,
    cudart: cudaIncludeDir === null ? null : findCudart({ torchFolder, libDir, cudaIncludeDir }),
  };
}

/** The header moved to torch/headeronly in 2.9; the old one then only includes it. @param {string} includeDir */
export function versionHeader(includeDir) {
  const places = ['torch/csrc/api/include/torch/version.h', 'torch/headeronly/version.h', 'torch/version.h'];
  return (
    places
      .map((file) => path.join(includeDir, file))
      .find((file) => parseVersionHeader(readText(file) ?? '') !== null) ?? null
  );
}

/** @param {string} includeDir */
function versionOfHeaders(includeDir) {
  const file = versionHeader(includeDir);
  return file && parseVersionHeader(readText(file) ?? '');
}

/** @param {Place} place */
function cxx11Abi({ libDir, torchFolder }) {
  const files = [
    path.join(torchFolder, 'share/cmake/Torch/TorchConfig.cmake'),
    path.join(libDir, 'cmake/Torch/TorchConfig.cmake'),
  ];
  return files.map((file) => parseCxx11Abi(readText(file) ?? '')).find((abi) => abi !== undefined);
}

/** @param {Place} place @param {NodeJS.Platform} platform @returns {string[]} */
function missingParts({ includeDir, libDir }, platform) {
  const header = path.join(includeDir, 'ATen/core/Tensor.h');
  const library = path.join(libDir, libraryName(platform));
  return [isFile(header) ? null : path.dirname(path.dirname(header)), isFile(library) ? null : library].filter(
    (part) => part !== null,
  );
}

/** @param {Place} place @param {NodeJS.Platform} platform */
const libraryOf = ({ libDir }, platform) => realPath(path.join(libDir, libraryName(platform)));

/** pip's own folder; conda keeps the headers and libraries in its prefix. @param {string} torchFolder @returns {Place[]} */
function placesOfPython(torchFolder) {
  const prefix = path.resolve(torchFolder, '../../../..');
  return [torchFolder, prefix].map((root) => ({
    includeDir: path.join(root, 'include'),
    libDir: path.join(root, 'lib'),
    torchFolder,
  }));
}

/** @param {string} [arch] @returns {Place[]} */
function placesOfSystem(arch = process.arch) {
  const places = [];
  for (const prefix of ['/usr', '/usr/local', '/opt/homebrew/opt/pytorch', '/usr/local/opt/pytorch']) {
    for (const lib of [`lib/${multiarch[arch] ?? arch}`, 'lib64', 'lib']) {
      const libDir = path.join(prefix, lib);
      places.push({ includeDir: path.join(prefix, 'include'), libDir, torchFolder: prefix });
    }
  }
  return places;
}

// Finds libtorch: the folder in LIBTORCH, the torch of the python3 on the PATH, that of `npm run setup:torch`, then the system's.
import path from 'node:path';
import { isFile, isFolder, readText, realPath } from './files.mjs';
import { findCudaHeaders, findCudart } from './find-cuda.mjs';
import { askPackageFolders, findPackageFolder, findPythonOnPath } from './find-python.mjs';
import { SetupError } from './setup-error.mjs';
import { findTorchEnvironments } from './torch-environments.mjs';
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
 * @property {'LIBTORCH' | 'python' | 'setup:torch' | 'system'} source where it was found
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
 * @typedef {object} FindOptions
 * @property {NodeJS.ProcessEnv} [env] LIBTORCH, PATH, CUDA_HOME, DEIT_LT_CACHE, XDG_CACHE_HOME
 * @property {NodeJS.Platform} [platform]
 * @property {Place[]} [systemPlaces] replaced in tests
 * @property {() => Promise<string | null>} [pythonTorch] the torch folder of python3, replaced in tests
 * @property {() => string[]} [environments] torch folders of `npm run setup:torch`, replaced in tests
 * @property {(reason: string) => void} [onSkip] receives why an existing libtorch is not taken
 */

/**
 * The first usable one, in the order LIBTORCH, python3, setup:torch, system.
 *
 * @param {FindOptions} [options]
 * @returns {Promise<Libtorch | null>}
 * @throws {SetupError} when LIBTORCH is set but is not a libtorch
 */
export async function findLibtorch({ env = process.env, platform = process.platform, ...options } = {}) {
  if (env.LIBTORCH) return describeNamed(env.LIBTORCH, { env, platform });
  return (await findAllLibtorch({ env, platform, ...options }))[0] ?? null;
}

/**
 * All usable ones but that of LIBTORCH, in the order in which they are taken.
 *
 * @param {FindOptions} [options]
 * @returns {Promise<Libtorch[]>}
 */
export async function findAllLibtorch({
  env = process.env,
  platform = process.platform,
  systemPlaces = placesOfSystem(),
  pythonTorch = () => locatePythonTorch({ env }),
  environments = () => findTorchEnvironments(env).map(({ torchFolder }) => torchFolder),
  onSkip = () => {},
} = {}) {
  const torchFolder = await pythonTorch();
  /** @type {{ place: Place, source: Libtorch['source'] }[]} */
  const candidates = [
    ...(torchFolder === null ? [] : placesOfPython(torchFolder)).map((place) => ({
      place,
      source: /** @type {const} */ ('python'),
    })),
    ...environments()
      .flatMap(placesOfPython)
      .map((place) => ({ place, source: /** @type {const} */ ('setup:torch') })),
    ...systemPlaces.map((place) => ({ place, source: /** @type {const} */ ('system') })),
  ].filter(({ place }) => missingParts(place, platform).length === 0);
  if (torchFolder !== null && !candidates.some(({ source }) => source === 'python'))
    onSkip(`the torch of python3 in ${torchFolder} has no headers or no ${libraryName(platform)}`);
  // Debian's python3-torch is links to the system's libtorch, which comes last: one name for it, whatever the PATH is.
  const systems = new Set(
    candidates.filter(({ source }) => source === 'system').map(({ place }) => libraryOf(place, platform)),
  );
  const seen = new Set();
  const found = [];
  for (const { place, source } of candidates) {
    const library = libraryOf(place, platform);
    if (seen.has(library) || (source !== 'system' && systems.has(library))) continue;
    seen.add(library);
    const libtorch = describe(place, source, { env, platform });
    if (isAtLeast(libtorch.version, oldestVersion)) found.push(libtorch);
    else onSkip(`libtorch ${libtorch.version} in ${place.libDir} is older than ${oldestVersion}`);
  }
  return found;
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
  const expected = `Expected the folder of libtorch ${oldestVersion} or newer with include/ATen and lib/${libraryName(platform)}: an unpacked libtorch zip of pytorch.org, the torch folder of a Python that has it, or /usr for Debian's.`;
  /** @param {string} found */
  const wrong = (found) =>
    new SetupError(`LIBTORCH=${folder}: ${found}.\n${expected}\nCorrect LIBTORCH or unset it.`, 'LIBTORCH');
  if (!isFolder(root)) throw wrong('there is no such folder');
  const place = placesOfPrefix(root).find((each) => missingParts(each, platform).length === 0);
  const missing = place ? [] : missingParts(placeOfPrefix(root), platform);
  if (missing.length > 0) throw wrong(`it has no ${missing.map((file) => path.relative(root, file)).join(' and no ')}`);
  const libtorch = describe(place ?? placeOfPrefix(root), 'LIBTORCH', { env, platform });
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

/** @param {string} prefix @param {string} [lib] @returns {Place} */
const placeOfPrefix = (prefix, lib = 'lib') => ({
  includeDir: path.join(prefix, 'include'),
  libDir: path.join(prefix, lib),
  torchFolder: prefix,
});

/** `lib`, or Debian's folder of the processor. @param {string} prefix @param {string} [arch] @returns {Place[]} */
const placesOfPrefix = (prefix, arch = process.arch) =>
  [`lib/${multiarch[arch] ?? arch}`, 'lib64', 'lib'].map((lib) => placeOfPrefix(prefix, lib));

/** @returns {Place[]} */
const placesOfSystem = () =>
  ['/usr', '/usr/local', '/opt/homebrew/opt/pytorch', '/usr/local/opt/pytorch'].flatMap((prefix) =>
    placesOfPrefix(prefix),
  );

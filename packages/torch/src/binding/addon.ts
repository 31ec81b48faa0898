/**
 * The native bridge: its functions as native/*.cc export them, loaded on first use. Loading libtorch
 * costs some 0.4 s, so importing the package (for types, `--help`, schedules) must not do it.
 */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BridgeError, nativeError } from '../errors.js';
import { prepareEnvironment, startThreads } from './environment.js';
import { wordsBuffer } from './words.js';

export interface NativeArgument {
  name: string;
  /** Type as in a schema: `Tensor`, `int[2]`, `ScalarType?`, … */
  type: string;
  keywordOnly: boolean;
  hasDefault: boolean;
}

export interface NativeReturn {
  name: string;
  type: string;
  /** The argument that this return value is (in-place operators), or -1. */
  argument: number;
}

export interface NativeSchema {
  id: number;
  name: string;
  overload: string;
  arguments: NativeArgument[];
  returns: NativeReturn[];
}

export interface AutocastState {
  enabled: boolean;
  dtype: number;
  cache: boolean;
}

export interface NativeBuildInfo {
  version: string;
  config: string;
  parallel: string;
  blasConfig: string;
  blasCore: string;
  cuda: boolean;
  cudaStatistics: boolean;
}

export interface CudaProperties {
  name: string;
  major: number;
  minor: number;
  multiprocessors: number;
  totalBytes: number;
  freeBytes: number;
}

export interface CudaMemory {
  allocated: number;
  peakAllocated: number;
  reserved: number;
  peakReserved: number;
}

export interface CpuMemory {
  allocated: number;
  peakAllocated: number;
  reserved: number;
}

type Memory = ArrayBuffer | ArrayBufferView;

export interface Addon {
  shareWords(buffer: ArrayBuffer): void;
  findOperator(name: string, overload: string): NativeSchema | null;
  listOperators(namespace: string): Record<string, string[]>;
  callOperator(): void;
  checkArguments(): void;

  copyFrom(memory: Memory, dtype: number, sizes: readonly number[]): number;
  shareFrom(memory: Memory, dtype: number, sizes: readonly number[]): number;
  copyTo(handle: number, memory: Memory): void;
  liveTensors(): number;
  reportedMemory(): number;
  describeTensor(): void;
  gradientOf(): void;
  setGradient(): void;
  releaseTensors(): void;
  watchTensor(object: object, handle: number): void;

  setGradEnabled(enabled: boolean): boolean;
  isGradEnabled(): boolean;
  pushInferenceMode(enabled: boolean): void;
  popInferenceMode(): void;
  enterAutocast(device: string, enabled: boolean, dtype: number, cache: boolean): AutocastState;
  exitAutocast(device: string, enabled: boolean, dtype: number, cache: boolean): void;
  isAutocastEnabled(device: string): boolean;

  defaultGenerator(device: string): number;
  newGenerator(device: string): number;
  releaseGenerator(generator: number): void;
  seedGenerator(generator: number, seed: bigint): void;
  manualSeed(seed: bigint): void;
  initialSeed(generator: number): bigint;
  generatorState(generator: number): number;
  setGeneratorState(generator: number, handle: number): void;

  cpuMemory(): CpuMemory;
  cpuResetPeak(): void;
  cpuEmptyCache(): number;

  setNumThreads(n: number): void;
  getNumThreads(): number;
  contextFlag(name: ContextFlag): boolean;
  setContextFlag(name: ContextFlag, on: boolean): void;
  buildInfo(): NativeBuildInfo;
  cudaDeviceCount(): number;
  cudaSynchronize(index: number): void;
  cudaProperties(index: number): CudaProperties;
  cudaMemory(index: number): CudaMemory;
  cudaResetPeak(index: number): void;
  cudaEmptyCache(): void;
}

/** Switches of kernels, by their place in `torch.backends`. */
export type ContextFlag = 'cuda.matmul.allowTf32' | 'cudnn.allowTf32' | 'cudnn.benchmark' | 'cudnn.deterministic';

/** The record that `setup/build-addon.mjs` writes beside the addon that it built. */
export interface BuildRecord {
  addon: string;
  compiler: string;
  builtAt: string;
  libtorch: {
    source: string;
    version: string;
    includeDirs: string[];
    libDir: string;
    cuda: string | null;
    cudaIncludeDir: string | null;
  };
  /**
   * The addon of process groups (`addon`), or why there is none; absent in records of earlier set-ups. `nccl`: true, or why the
   * addon has no NCCL.
   */
  distributed?: { addon: string; nccl?: true | { reason: string } } | { reason: string };
  /** Usable libtorchs that were not taken; absent in records of earlier set-ups. */
  others?: { source: string; version: string; folder: string }[];
}

const setupCommand = 'npx deit-torch-setup';

/** The package's own folder, seen from `dist/src/binding/` or `src/binding/`. */
function packageFolder(): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

/** Reads which addon was built, and against which libtorch. Throws `BridgeError` when none was. */
export function buildRecord(): BuildRecord & { file: string } {
  const file = path.join(packageFolder(), 'build', 'current.json');
  if (!existsSync(file)) {
    throw new BridgeError(
      'BRIDGE_NOT_BUILT',
      `the native bridge is not built (${file} is missing). Run: ${setupCommand}`,
    );
  }
  const record = JSON.parse(readFileSync(file, 'utf8')) as BuildRecord;
  return { ...record, file: path.join(path.dirname(file), record.addon) };
}

/** Names of entries in messages, where their own names mean nothing to users. */
const shownName: Readonly<Record<string, string>> = {
  copyFrom: 'tensor()',
  shareFrom: 'fromTypedArray()',
  copyTo: 'reading values',
  describeTensor: 'Tensor',
  gradientOf: 'Tensor.grad',
  setGradient: 'Tensor.grad',
  newGenerator: 'Generator',
  seedGenerator: 'Generator',
  defaultGenerator: 'the device generator',
  enterAutocast: 'autocast',
  exitAutocast: 'autocast',
  isAutocastEnabled: 'autocast',
  findOperator: 'torch.ops',
  listOperators: 'torch.ops',
};

/** Entries whose callers convert errors themselves, or that cannot fail: those called for every operator. */
const hot = new Set(['callOperator', 'checkArguments', 'releaseTensors', 'watchTensor']);

/** The addon with its errors as `TorchError`, prefixed with where they come from. */
function withTorchErrors(addon: Addon): Addon {
  const entries = Object.entries(addon).map(([name, entry]: [string, (...args: unknown[]) => unknown]) => {
    const converted = (...args: unknown[]): unknown => {
      try {
        return entry(...args);
      } catch (error) {
        throw nativeError(error, shownName[name] ?? name);
      }
    };
    return [name, hot.has(name) ? entry : converted];
  });
  return Object.fromEntries(entries) as Addon;
}

/** Not by `require()`, which gives one addon, with one set of words, to all copies of this module in the thread. */
export function loadFile<Exports>(file: string): Exports {
  const loading = { exports: {} as Exports };
  process.dlopen(loading, file);
  return loading.exports;
}

/** The libtorch that this process has loaded; null where there is none, or the system does not say (macOS). */
function loadedLibtorch(): string | null {
  if (process.platform !== 'linux') return null;
  return /^.* (\/.*\/libtorch_cpu\.so[^/\n]*)$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[1] ?? null;
}

/** Returns the folder with symbolic links resolved; the name itself where there is no such folder. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** A second libtorch would share some of the first one's symbols, and end the process. */
function checkOnlyLibtorch({ file, libtorch }: ReturnType<typeof buildRecord>): void {
  const loaded = loadedLibtorch();
  if (loaded === null || realFolder(path.dirname(loaded)) === realFolder(libtorch.libDir)) return;
  throw new BridgeError(
    'BRIDGE_NOT_LOADED',
    `the native bridge ${file} is built for libtorch ${libtorch.version} in ${libtorch.libDir}, but this process has already loaded ` +
      `${loaded}, and two libtorchs in one process do not work. Another copy of this package, or another addon, has ` +
      `loaded it: install one copy for all (npm dedupe), or build both for the same libtorch (LIBTORCH=… ${setupCommand})`,
  );
}

function load(): Addon {
  const record = buildRecord();
  checkOnlyLibtorch(record);
  prepareEnvironment();
  let addon: Addon;
  try {
    addon = withTorchErrors(loadFile<Addon>(record.file));
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new BridgeError(
      'BRIDGE_NOT_LOADED',
      `the native bridge ${record.file} does not load: ${cause}\n` +
        `It was built against libtorch ${record.libtorch.version} in ${record.libtorch.libDir}. ` +
        `If that libtorch moved or changed, build again: ${setupCommand}`,
    );
  }
  addon.shareWords(wordsBuffer);
  startThreads(addon);
  return addon;
}

let loaded: Addon | undefined;

/** The native bridge; the first call loads libtorch. Throws `BridgeError` with what to type when it cannot. */
export function native(): Addon {
  loaded ??= load();
  return loaded;
}

/** Describes what the engine finds on this machine, for `deit-torch-doctor`, bug reports and benchmark notes. */
import os from 'node:os';
import { buildRecord, native } from './binding/addon.js';
import { cpuFlags, hasNativeBfloat16 } from './binding/environment.js';
import { ncclUnavailableReason, unavailableReason } from './distributed/native.js';
import { attentionKernel } from './nn/functional/attention.js';

/** Facts about the engine on this machine; JSON-serializable. */
export interface Diagnosis {
  node: string;
  platform: string;
  libtorch: { version: string; source: string; folder: string };
  /** Other usable libtorchs that the set-up saw; `folder` is what `LIBTORCH` takes. */
  others: { version: string; source: string; folder: string }[];
  addon: { file: string; compiler: string; builtAt: string };
  cpu: { model: string; cores: number; threads: number; flags: string[]; bfloat16: boolean };
  blas: { library: string; core: string; coreType: string | null };
  allocator: 'bridge' | 'libtorch';
  fusedAttention: boolean;
  /** Backends of `torch.distributed`; where there is none, `reason` says why, and `nccl` why NCCL is not among them. */
  distributed: { backends: string[]; reason: string | null; nccl: string | null };
  cuda: {
    built: boolean;
    statistics: boolean;
    devices: {
      name: string;
      computeCapability: string;
      totalBytes: number;
      freeBytes: number;
      /** The kernel for attention in each precision. */
      attention: { bfloat16: string; float32: string };
    }[];
  };
}

/** Flags that decide how fast ATen, oneDNN and OpenBLAS are. */
const flagsOfInterest = [
  'avx2',
  'fma',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_bf16',
  'amx_tile',
  'asimd',
  'bf16',
  'sve',
];

/** Looks at libtorch, the processor, BLAS and CUDA devices. Throws `BridgeError` when the addon is not built or does not load. */
export function diagnose(): Diagnosis {
  const record = buildRecord();
  const addon = native();
  const build = addon.buildInfo();
  const flags = cpuFlags();
  return {
    node: process.version,
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
    libtorch: { version: build.version, source: record.libtorch.source, folder: record.libtorch.libDir },
    others: record.others ?? [],
    addon: { file: record.file, compiler: record.compiler, builtAt: record.builtAt },
    cpu: {
      model: os.cpus()[0]?.model ?? 'unknown',
      cores: os.availableParallelism(),
      threads: addon.getNumThreads(),
      flags: flagsOfInterest.filter((flag) => flags.has(flag)),
      bfloat16: hasNativeBfloat16(flags),
    },
    blas: {
      library: build.blasConfig || (/BLAS_INFO=(\w+)/.exec(build.config)?.[1] ?? 'unknown'),
      core: build.blasCore || 'unknown',
      coreType: process.env.OPENBLAS_CORETYPE ?? null,
    },
    allocator: process.env.TORCH_BRIDGE_ALLOCATOR === 'libtorch' ? 'libtorch' : 'bridge',
    fusedAttention: addon.findOperator('aten::scaled_dot_product_attention', '') !== null,
    distributed: distributedBackends(),
    cuda: {
      built: build.cuda || record.libtorch.cuda !== null,
      statistics: build.cudaStatistics,
      devices: Array.from({ length: addon.cudaDeviceCount() }, (_, index) => cudaDevice(index)),
    },
  };
}

function distributedBackends(): Diagnosis['distributed'] {
  const [reason, nccl] = [unavailableReason(), ncclUnavailableReason()];
  return { backends: [...(reason === null ? ['gloo'] : []), ...(nccl === null ? ['nccl'] : [])], reason, nccl };
}

function cudaDevice(index: number): Diagnosis['cuda']['devices'][number] {
  const { name, major, minor, totalBytes, freeBytes } = native().cudaProperties(index);
  const attention = { bfloat16: kernelOn(`cuda:${index}`, 'bfloat16'), float32: kernelOn(`cuda:${index}`, 'float32') };
  return { name, computeCapability: `${major}.${minor}`, totalBytes, freeBytes, attention };
}

/** A device whose kernels cannot be asked is described all the same. */
function kernelOn(device: string, dtype: 'bfloat16' | 'float32'): string {
  try {
    return attentionKernel(device, dtype);
  } catch (error) {
    return `unknown (${(error as Error).message})`;
  }
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function processesLine({ reason, nccl }: Diagnosis['distributed']): string {
  if (reason !== null) return `one only: ${reason}`;
  return nccl === null ? 'torch.distributed with Gloo and NCCL' : `torch.distributed with Gloo; without NCCL: ${nccl}`;
}

/** A diagnosis as lines of text, one subject each. */
export function formatDiagnosis(d: Diagnosis): string {
  const devices = d.cuda.devices.map(
    (device, i) =>
      `cuda:${i} ${device.name}, compute ${device.computeCapability}, ${gibibytes(device.freeBytes)} of ${gibibytes(device.totalBytes)} free, attention ${device.attention.bfloat16} in bfloat16 and ${device.attention.float32} in float32`,
  );
  const cuda = d.cuda.built
    ? [devices.length > 0 ? devices.join('; ') : 'in libtorch, but no device is visible']
    : ['not in this libtorch'];
  if (d.cuda.built && !d.cuda.statistics) cuda.push('(built without CUDA headers: no memory statistics)');
  const rows: [string, string][] = [
    ['Node', `${d.node} on ${d.platform}`],
    ['libtorch', `${d.libtorch.version} (${d.libtorch.source}) in ${d.libtorch.folder}`],
    ...d.others.map((other): [string, string] => [
      '  also',
      `${other.version} (${other.source}); to use it: LIBTORCH=${other.folder} npx deit-torch-setup`,
    ]),
    ['bridge', `${d.addon.file}, ${d.addon.compiler}, ${d.addon.builtAt}`],
    [
      'processor',
      `${d.cpu.model}, ${d.cpu.cores} cores, ${d.cpu.threads} threads; ${d.cpu.flags.join(' ') || 'flags unknown'}`,
    ],
    [
      'bfloat16',
      d.cpu.bfloat16 ? 'in hardware: bestPrecision() is bfloat16' : 'not in hardware: bestPrecision() is float32',
    ],
    [
      'BLAS',
      `${d.blas.library}; core ${d.blas.core}${d.blas.coreType ? ` (OPENBLAS_CORETYPE=${d.blas.coreType})` : ''}`,
    ],
    [
      'allocator',
      d.allocator === 'bridge' ? 'caching, huge pages' : "libtorch's own (TORCH_BRIDGE_ALLOCATOR=libtorch)",
    ],
    [
      'attention',
      d.fusedAttention
        ? 'fused operator; composed on the CPU where that is faster'
        : 'composed: this libtorch has no fused operator',
    ],
    ['processes', processesLine(d.distributed)],
    ['CUDA', cuda.join(' ')],
  ];
  return rows.map(([name, value]) => `${name.padEnd(10)} ${value}`).join('\n');
}

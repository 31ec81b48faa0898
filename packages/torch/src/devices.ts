/** Threads and devices: what there is, what it holds, and waiting for it. */
import { type CpuMemory, type CudaMemory, type CudaProperties, native } from './binding/addon.js';
import { cudaIndex } from './cuda-device.js';
import { CUDAGraph, captureStream, graph } from './cuda-graph.js';
import { currentStream, Stream, withStream } from './cuda-stream.js';
import { describeValue, TorchError } from './errors.js';

export type { GraphOptions, GraphPool } from './cuda-graph.js';

/** `cpu`, `cuda`, `cuda:1`, `meta`, … as in PyTorch. */
export type Device = string;

/**
 * Sets the threads that one operator may use, libtorch's and OpenBLAS's. Throws `TorchError` unless `n` is a whole
 * number ≥ 1.
 */
export function setNumThreads(n: number): void {
  if (!Number.isInteger(n) || n < 1)
    throw new TorchError('ARGUMENT', `setNumThreads: expected a whole number of at least 1, got ${describeValue(n)}`);
  native().setNumThreads(n);
}

/** The threads that one operator may use. */
export function getNumThreads(): number {
  return native().getNumThreads();
}

/**
 * CUDA devices, as `torch.cuda` in PyTorch. All but `isAvailable` and `deviceCount` throw `TorchError` (`DEVICE`) where
 * there is none.
 */
export const cuda = {
  /** Returns whether this process sees a CUDA device. */
  isAvailable(): boolean {
    return native().cudaDeviceCount() > 0;
  },
  /** CUDA devices that this process sees; 0 where libtorch has no CUDA. */
  deviceCount(): number {
    return native().cudaDeviceCount();
  },
  /** Name, compute capability, and total and free bytes of a device. */
  properties(device: Device = 'cuda'): CudaProperties {
    return native().cudaProperties(cudaIndex(device, 'cuda.properties'));
  },
  /** Returns only the name. */
  deviceName(device: Device = 'cuda'): string {
    return cuda.properties(device).name;
  },
  /** Bytes that the caching allocator has handed out and holds, now and at most since the last reset. */
  memoryStats(device: Device = 'cuda'): CudaMemory {
    return native().cudaMemory(cudaIndex(device, 'cuda.memoryStats'));
  },
  /** Restarts the measurement of the peak memory. */
  resetPeakMemoryStats(device: Device = 'cuda'): void {
    native().cudaResetPeak(cudaIndex(device, 'cuda.resetPeakMemoryStats'));
  },
  /** Gives memory that no tensor uses back to the device. */
  emptyCache(): void {
    cudaIndex('cuda', 'cuda.emptyCache');
    native().cudaEmptyCache();
  },
  /** Waits until all work given to the device is done. */
  synchronize(device: Device = 'cuda'): void {
    native().cudaSynchronize(cudaIndex(device, 'cuda.synchronize'));
  },
  /** Streams, as `torch.cuda.Stream`: `new torch.cuda.Stream('cuda:0')`, `waitStream(other)`, `synchronize()`. */
  Stream,
  /** Returns the stream that operators on a device use now. */
  currentStream,
  /** Runs `body` with a stream as the current one; nothing waits. As `torch.cuda.stream`. */
  stream: withStream,
  /** Captured kernels, as `torch.cuda.CUDAGraph`: `captureBegin()`, `captureEnd()`, `replay()`, `reset()`, `pool()`. */
  CUDAGraph,
  /** Captures the kernels of `body` into a graph, as `torch.cuda.graph`. */
  graph,
  /** Returns the stream on which `graph` captures; the updates before a capture run on it, too. */
  captureStream,
};

/** The CPU's memory for large tensors (256 KiB and more), which is kept for the next step as a GPU's is. */
export const cpu = {
  /** Bytes in use now and at most since the last reset, and bytes taken from the system. */
  memoryStats(): CpuMemory {
    return native().cpuMemory();
  },
  /** Restarts the measurement of the peak memory. */
  resetPeakMemoryStats(): void {
    native().cpuResetPeak();
  },
  /** Gives memory that no tensor uses back to the system. Returns its bytes. */
  emptyCache(): number {
    return native().cpuEmptyCache();
  },
};

/** Waits for a device; returns at once for the CPU, whose operators are done when they return. */
export function synchronize(device: Device = 'cpu'): void {
  if (device !== 'cpu') cuda.synchronize(device);
}

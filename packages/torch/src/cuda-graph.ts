/** Captured graphs of CUDA kernels: the CPU starts all kernels of a graph by one call. Mirrors `torch.cuda.CUDAGraph` and `torch.cuda.graph`. */
import { requireOperator } from './binding/operator.js';
import { cudaIndex } from './cuda-device.js';
import { currentStream, Stream, withStream } from './cuda-stream.js';
import { TorchError } from './errors.js';

/** The memory of a graph, which graphs that are replayed in the order of their capture can share. */
export type GraphPool = readonly [number, number];

export interface GraphOptions {
  /** The memory of another graph. Default: memory of its own. */
  pool?: GraphPool;
  /** The stream that is captured. Default: one for all captures of the device. */
  stream?: Stream;
}

const forgotten = new FinalizationRegistry<number>((id) => requireOperator('bridge::cuda_graph_free')(id));

/**
 * Kernels that were captured once and are replayed with the same memory and the same numbers: a replay reads the tensors that the capture
 * read, which must still exist, and writes those that it wrote. Random operators draw new numbers in each replay.
 */
export class CUDAGraph {
  readonly #id: number;

  /** Throws `TorchError` (`DEVICE`) where there is no such device, or libtorch has no graphs. */
  constructor(readonly device: string = 'cuda') {
    const index = cudaIndex(device, 'cuda.CUDAGraph');
    const missing = requireOperator('bridge::cuda_graph_missing')() as string;
    if (missing !== '') throw new TorchError('DEVICE', `cuda.CUDAGraph: ${missing}`);
    this.#id = requireOperator('bridge::cuda_graph_new')(index) as number;
    forgotten.register(this, this.#id);
  }

  /**
   * Begins to capture the current stream, which must not be the default one; kernels are recorded, and do not run. Waits for the device
   * first. `graph()` calls it.
   */
  captureBegin({ pool }: Pick<GraphOptions, 'pool'> = {}): void {
    requireOperator('bridge::cuda_graph_begin')(this.#id, pool ?? []);
  }

  /** Ends the capture, on the stream on which it began. Throws `TorchError` when something could not be captured. */
  captureEnd(): void {
    requireOperator('bridge::cuda_graph_end')(this.#id);
  }

  /** Runs the kernels on the current stream. */
  replay(): void {
    requireOperator('bridge::cuda_graph_replay')(this.#id);
  }

  /** Forgets the kernels and releases their memory. */
  reset(): void {
    requireOperator('bridge::cuda_graph_reset')(this.#id);
  }

  /** Returns the memory of the graph, as an option of other captures. */
  pool(): GraphPool {
    return requireOperator('bridge::cuda_graph_pool')(this.#id) as unknown as GraphPool;
  }
}

/** The streams of captures by device. */
const sideStreams = new Map<string, Stream>();

/** Returns the stream on which `graph()` captures; run the updates before a capture on it, too. */
export function captureStream(device: string = 'cuda'): Stream {
  let stream = sideStreams.get(device);
  if (stream === undefined) {
    stream = new Stream(device);
    sideStreams.set(device, stream);
  }
  return stream;
}

/**
 * Captures the kernels of `body` into `target` without running them, and returns what `body` returns: its tensors have their values after
 * `target.replay()`. In `body`, nothing may be read from the device or copied to it. Tensors that a replay reads or writes must be kept (`torch.keep`).
 * What `body` throws is thrown again, and the graph is then empty.
 */
export function graph<R>(target: CUDAGraph, body: () => R, { pool, stream }: GraphOptions = {}): R {
  const side = stream ?? captureStream(target.device);
  side.waitStream(currentStream(target.device));
  return withStream(side, () => {
    target.captureBegin(pool === undefined ? {} : { pool });
    let result: R;
    try {
      result = body();
    } catch (error) {
      abandon(target);
      throw error;
    }
    target.captureEnd();
    return result;
  });
}

/** Ends a capture that failed; CUDA refuses to end an invalid one, and leaves it all the same. */
function abandon(target: CUDAGraph): void {
  for (const end of [() => target.captureEnd(), () => target.reset()])
    try {
      end();
    } catch {
      // the first error is thrown
    }
}

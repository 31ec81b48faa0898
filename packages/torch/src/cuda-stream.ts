/** Streams of CUDA devices: kernels of one stream run in order, those of two streams at the same time. */
import { requireOperator } from './binding/operator.js';
import { cudaIndex } from './cuda-device.js';
import { describeValue, TorchError } from './errors.js';

type Words = readonly [id: number, device: number];

/** Marks a `Stream` that is made of words, not of a new stream. */
const existing = Symbol('existing');

/** A stream of a CUDA device, as `torch.cuda.Stream`. */
export class Stream {
  /** The device, `cuda:0`. */
  readonly device: string;
  readonly #words: Words;

  /** A stream of PyTorch's pool of 32 per device. Throws `TorchError` (`DEVICE`) where there is no such device. */
  constructor(device: string | { readonly [existing]: Words } = 'cuda') {
    this.#words =
      typeof device === 'string'
        ? (requireOperator('bridge::cuda_stream_new')(cudaIndex(device, 'cuda.Stream')) as Words)
        : device[existing];
    this.device = `cuda:${this.#words[1]}`;
  }

  /** @internal */
  static of(words: Words): Stream {
    return new Stream({ [existing]: words });
  }

  /** @internal */
  get words(): Words {
    return this.#words;
  }

  /** Makes the work that this stream gets from now on wait for the work that `other` has now. */
  waitStream(other: Stream): void {
    requireOperator('bridge::cuda_stream_wait')(this.#words, requireStream(other, 'waitStream()').#words);
  }

  /** Waits until all work of this stream is done. */
  synchronize(): void {
    requireOperator('bridge::cuda_stream_synchronize')(this.#words);
  }

  /** Returns whether both are the same stream. */
  equals(other: Stream): boolean {
    return this.#words.every((word, i) => word === other.#words[i]);
  }
}

function requireStream(value: unknown, where: string): Stream {
  if (value instanceof Stream) return value;
  throw new TorchError('ARGUMENT', `cuda.Stream: ${where} expected a Stream, got ${describeValue(value)}`);
}

/** Returns the stream that operators on `device` use now. Throws `TorchError` (`DEVICE`) where there is no such device. */
export function currentStream(device: string = 'cuda'): Stream {
  const index = cudaIndex(device, 'cuda.currentStream');
  return Stream.of(requireOperator('bridge::cuda_stream_current')(index) as Words);
}

/**
 * Runs `body`, which must not be asynchronous, with `stream` as the current stream of its device, and returns its result. As in PyTorch,
 * nothing waits: use `waitStream` before and after.
 */
export function withStream<R>(stream: Stream, body: () => R): R {
  const { device, words } = requireStream(stream, 'stream()');
  const before = currentStream(device);
  const set = requireOperator('bridge::cuda_stream_set');
  set(words);
  try {
    return body();
  } finally {
    set(before.words);
  }
}

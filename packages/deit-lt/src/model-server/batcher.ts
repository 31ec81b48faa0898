/**
 * Gathers images into batches for one model: whenever the network is free it takes all that wait, up to a limit. So a
 * single image never waits for others, and under load the batches become larger by themselves.
 */
import type { Opinion } from '../evaluation/ranking.js';

/** The network: pixels of several images to their answers. */
export type ClassifyBatch = (pixels: readonly Uint8Array[], top: number) => Promise<readonly Opinion[]>;

export interface BatcherOptions {
  /** Largest number of images in one call of the network. */
  readonly maxBatch: number;
  /** Gets the number of images of each batch. */
  readonly onBatch?: (images: number) => void;
}

interface Waiting {
  readonly pixels: Uint8Array;
  readonly top: number;
  readonly signal: AbortSignal | undefined;
  resolve(opinion: Opinion): void;
  reject(error: unknown): void;
}

export class Batcher {
  readonly #waiting: Waiting[] = [];
  #running = false;

  constructor(
    private readonly classify: ClassifyBatch,
    private readonly options: BatcherOptions,
  ) {}

  /** Classifies one image. An image whose `signal` is aborted before its turn is left out, and its promise rejects. */
  add(pixels: Uint8Array, top: number, signal?: AbortSignal): Promise<Opinion> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ pixels, top, signal, resolve, reject });
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let batch = this.#next(); batch.length > 0; batch = this.#next()) await this.#work(batch);
    this.#running = false;
  }

  #next(): Waiting[] {
    const batch: Waiting[] = [];
    while (batch.length < this.options.maxBatch && this.#waiting.length > 0) {
      const each = this.#waiting.shift()!;
      if (each.signal?.aborted === true) each.reject(each.signal.reason);
      else batch.push(each);
    }
    return batch;
  }

  /** Answers a batch; when it fails, each of its images alone, so that one image cannot fail the others. */
  async #work(batch: readonly Waiting[]): Promise<void> {
    const top = Math.max(...batch.map((each) => each.top));
    try {
      this.options.onBatch?.(batch.length);
      const pixels = batch.map((each) => each.pixels);
      const opinions = await this.classify(pixels, top);
      batch.forEach((each, i) => {
        each.resolve(limited(opinions[i]!, each.top));
      });
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error);
      else for (const each of batch) await this.#work([each]);
    }
  }
}

/** Ranks for `top` classes, of an answer that may have more. */
function limited({ top: ranked, cls, dist, ...decided }: Opinion, top: number): Opinion {
  return {
    top: ranked.slice(0, top),
    ...(cls && { cls: cls.slice(0, top) }),
    ...(dist && { dist: dist.slice(0, top) }),
    ...decided,
  };
}

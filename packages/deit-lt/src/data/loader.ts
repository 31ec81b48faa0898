/**
 * Batches of an epoch: chooses the window of each image, reads the pixels (some batches ahead for files), and applies
 * the pipeline's transforms on the device that trains. What is drawn for an image depends on (seed, epoch, image)
 * alone, so an epoch that starts in the middle continues with the same batches.
 */
import * as torch from '@deit-lt/torch';
import type { Pipeline, View } from '../augment/transform.js';
import { RandomStream, stream } from '../random/stream.js';
import { type Cut, type PixelSource, StaleSizes } from './pixel-source.js';

export interface LoaderOptions {
  source: PixelSource;
  /** The class of each image of `source`. */
  labels: Int32Array;
  pipeline: Pipeline;
  /** The images of this epoch in order, as a sampler gives them; an image may come several times. */
  ids: Int32Array;
  batchSize: number;
  /** Default 0. */
  seed?: number;
  /** Counted from 0, the default. */
  epoch?: number;
  /** Leave out a last batch that is not full. Default false. */
  dropLast?: boolean;
  /** Begin with this batch, counted from 0: to resume an epoch. Default 0. */
  startBatch?: number;
  /** Batches that are read ahead. Default: the source's number. */
  prefetch?: number;
  /** Device of the transforms and of the batches. Default: the device of the source's batches. */
  device?: string;
  /** This process among those that share the epoch: copies of an image in several processes differ. Default 0 of 1. */
  rank?: number;
  world?: number;
}

export interface Batch extends Disposable {
  /** After all transforms: float32 `[B, 3, S, S]`. The caller's to dispose, or with the batch. */
  images: torch.Tensor;
  /** The same images in the pipeline's further views, each in its size. */
  more: readonly torch.Tensor[];
  labels: Int32Array;
  ids: Int32Array;
}

/** Windows are chosen again where files had changed; files that change all the time are not followed. */
const readAttempts = 5;

/** A batch whose pixels are read but not transformed. */
interface ReadBatch {
  views: ReadView[];
  ids: Int32Array;
}

interface ReadView {
  view: View;
  images: torch.Tensor;
  randoms: RandomStream[];
}

/**
 * The batches of one epoch: `for await (using batch of loader) { … }`, or of a pipeline with one view `for await (const
 * { images, labels } of loader) { …; images.dispose(); }`. The tensors belong to no scope. Leaving the loop early
 * releases what was read ahead. Throws `RangeError` for a batch size or start that is not a whole number of at least 1
 * or 0, and what the source throws for images that cannot be read.
 */
export class Loader implements AsyncIterable<Batch> {
  /** Number of batches of the whole epoch. */
  readonly length: number;
  readonly #options: LoaderOptions;
  readonly #draws: Float64Array;

  constructor(options: LoaderOptions) {
    const { ids, batchSize, dropLast = false, startBatch = 0, source, rank = 0, world = 1 } = options;
    requireWhole('batchSize', batchSize, 1);
    requireWhole('startBatch', startBatch, 0);
    this.#options = options;
    this.length = dropLast ? Math.floor(ids.length / batchSize) : Math.ceil(ids.length / batchSize);
    this.#draws = drawNumbers(ids, source.length, { rank, world });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, void> {
    const { startBatch = 0, source } = this.#options;
    const ahead = this.#options.prefetch ?? source.prefetch ?? 0;
    const pending: Promise<ReadBatch>[] = [];
    let next = startBatch;
    try {
      while (next < this.length || pending.length > 0) {
        while (next < this.length && pending.length <= ahead) pending.push(quiet(this.#read(next++)));
        yield this.#transform(await pending.shift()!);
      }
    } finally {
      for (const batch of await Promise.allSettled(pending))
        if (batch.status === 'fulfilled') for (const { images } of batch.value.views) images.dispose();
    }
  }

  async #read(batch: number): Promise<ReadBatch> {
    const { source, pipeline, batchSize } = this.#options;
    const start = batch * batchSize;
    const ids = this.#options.ids.slice(start, start + batchSize);
    const views = [pipeline, ...(pipeline.more ?? [])];
    await source.measure?.(ids);
    for (let attempt = 1; ; attempt++) {
      const randoms = this.#streams(this.#draws.subarray(start, start + ids.length), views.length);
      const cuts = views.map((view, v) => cutOf(view, randoms[v]!, (i) => source.sizeOf(ids[i]!)));
      try {
        const images = await readAll(source, ids, cuts);
        return { ids, views: views.map((view, v) => ({ view, images: images[v]!, randoms: randoms[v]! })) };
      } catch (error) {
        if (!(error instanceof StaleSizes) || attempt === readAttempts) throw error;
      }
    }
  }

  /** The streams of each view, for the samples of the numbers `draws`. */
  #streams(draws: Float64Array, views: number): RandomStream[][] {
    const { seed = 0, epoch = 0 } = this.#options;
    const first = Array.from(draws, (draw) => stream(seed, 'augment', epoch, draw));
    if (views === 1) return [first];
    // The first view draws what it would draw alone; the others' streams come from one more stream of the sample.
    const seeds = Array.from(draws, (draw) => stream(seed, 'views', epoch, draw));
    const forked = () => seeds.map((from) => new RandomStream(from.uint32(), from.uint32(), from.uint32()));
    return [first, ...Array.from({ length: views - 1 }, forked)];
  }

  #transform({ views, ids }: ReadBatch): Batch {
    const { labels, device } = this.#options;
    try {
      const [images, ...more] = views.map((view) => transformed(view, device)) as [torch.Tensor, ...torch.Tensor[]];
      const dispose = (): void => {
        for (const tensor of [images, ...more]) tensor.dispose();
      };
      return { images, more, labels: ids.map((id) => labels[id]!), ids, [Symbol.dispose]: dispose };
    } finally {
      for (const { images } of views) images.dispose();
    }
  }
}

function cutOf(
  { window, size, filter }: View,
  randoms: readonly RandomStream[],
  sizeOf: (i: number) => { width: number; height: number },
): Cut {
  const windows = randoms.map((random, i) => {
    const { width, height } = sizeOf(i);
    return window(width, height, random);
  });
  return { windows, size, filter };
}

async function readAll(source: PixelSource, ids: Int32Array, cuts: readonly Cut[]): Promise<torch.Tensor[]> {
  if (cuts.length > 1 && source.readAll) return source.readAll(ids, cuts);
  const images: torch.Tensor[] = [];
  for (const { windows, size, filter } of cuts) images.push(await source.read(ids, windows, size, filter));
  return images;
}

function transformed({ view, images, randoms }: ReadView, device: string | undefined): torch.Tensor {
  const result = torch.tidy(() =>
    torch.noGrad(() =>
      view.transforms.reduce(
        (xs, transform) => transform(xs, randoms, { mayChange: true }), // what was read is the loader's own
        device === undefined ? images.view(images.shape) : images.to(device),
      ),
    ),
  );
  return torch.keep(result);
}

/**
 * The number of each sample's random stream: the image's own for its first time in the epoch, `length` more for each
 * further time and process, so that copies of an image (repeated augmentation) are augmented differently.
 */
function drawNumbers(ids: Int32Array, length: number, { rank, world }: { rank: number; world: number }): Float64Array {
  const seen = new Int32Array(length);
  return Float64Array.from(ids, (id) => id + (seen[id]!++ * world + rank) * length);
}

/** Marks a rejection as handled: whoever awaits the promise still gets it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function requireWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least)
    throw new RangeError(`Loader: ${name} must be a whole number of at least ${least}, got ${value}`);
}

/**
 * Batches of an epoch: chooses the window of each image, reads the pixels (some batches ahead for files), and applies
 * the pipeline's transforms on the device that trains. What is drawn for an image depends on (seed, epoch, image)
 * alone, so an epoch that starts in the middle continues with the same batches.
 */
import * as torch from '@deit-lt/torch';
import type { Pipeline, PlannedTransform, View } from '../augment/transform.js';
import { RandomStream, stream } from '../random/stream.js';
import { Upload } from '../upload.js';
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
  /** Device of the transforms and of the batches. Default `cpu`. */
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

/** A batch whose pixels are read but not transformed: `transformed` makes batches of some, or disposing releases it. */
export interface ReadBatch extends Disposable {
  readonly size: number;
  /** Draws for the transforms; the function that it returns gives the images of each view, after `upload` was sent. */
  plan(upload: Upload): () => torch.Tensor[];
  /** The batch of the images of each view, which become its own. */
  finish(images: readonly torch.Tensor[]): Batch;
}

interface ReadView {
  readonly view: View;
  readonly cut: Cut;
  readonly randoms: readonly RandomStream[];
  /** Undefined when the source keeps its images on the device. */
  readonly images: torch.Tensor | undefined;
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
    for await (const batch of this.reads()) yield transformed([batch], this.device)[0]!;
  }

  /** Device of the transforms and of the batches. */
  get device(): string {
    return this.#options.device ?? 'cpu';
  }

  /** The batches before their transforms, in order. */
  async *reads(): AsyncGenerator<ReadBatch, void, void> {
    const { startBatch = 0, source } = this.#options;
    const ahead = this.#options.prefetch ?? source.prefetch ?? 0;
    const pending: Promise<ReadBatch>[] = [];
    let next = startBatch;
    try {
      while (next < this.length || pending.length > 0) {
        while (next < this.length && pending.length <= ahead) pending.push(quiet(this.#read(next++)));
        yield await pending.shift()!;
      }
    } finally {
      for (const batch of await Promise.allSettled(pending))
        if (batch.status === 'fulfilled') batch.value[Symbol.dispose]();
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
        const images = await readAll(source, ids, cuts, this.device);
        const read = views.map((view, v) => ({ view, cut: cuts[v]!, images: images[v], randoms: randoms[v]! }));
        return this.#batchOf(ids, read);
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

  #batchOf(ids: Int32Array, views: readonly ReadView[]): ReadBatch {
    const { labels, source } = this.#options;
    return {
      size: ids.length,
      plan: (upload) => {
        const runs = views.map((view) => planView(view, ids, source, upload));
        return () => runs.map((run) => run());
      },
      finish: (tensors) => {
        const [images, ...more] = tensors as [torch.Tensor, ...torch.Tensor[]];
        return { images, more, labels: ids.map((id) => labels[id]!), ids, [Symbol.dispose]: () => dispose(tensors) };
      },
      [Symbol.dispose]: () => dispose(views.flatMap(({ images }) => images ?? [])),
    };
  }
}

function dispose(tensors: readonly torch.Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}

/** Transforms `batches` on `device`, to which all that they need is sent together, and releases what was read. */
export function transformed(batches: readonly ReadBatch[], device: string): Batch[] {
  try {
    const views = torch.tidy(() =>
      torch.noGrad(() => {
        const upload = new Upload(device);
        const runs = batches.map((batch) => batch.plan(upload));
        upload.send();
        return runs.map((run) => run());
      }),
    );
    return batches.map((batch, i) => batch.finish(torch.keep(views[i]!)));
  } finally {
    for (const batch of batches) batch[Symbol.dispose]();
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

/** The pixels of each cut, in bytes when they travel to another device; nothing when they are there already. */
async function readAll(
  source: PixelSource,
  ids: Int32Array,
  cuts: readonly Cut[],
  device: string,
): Promise<torch.Tensor[]> {
  if (source.keepsOn?.(device)) return [];
  if (device !== 'cpu' && source.readBytes) return source.readBytes(ids, cuts);
  if (cuts.length > 1 && source.readAll) return source.readAll(ids, cuts);
  const images: torch.Tensor[] = [];
  for (const { windows, size, filter } of cuts) images.push(await source.read(ids, windows, size, filter));
  return images;
}

/** Plans the transforms of a view; those after the first one without a plan (of a plugin) draw and send on their own. */
function planView(
  { view: { transforms, size }, cut, images, randoms }: ReadView,
  ids: Int32Array,
  source: PixelSource,
  upload: Upload,
): () => torch.Tensor {
  const sent = images === undefined ? source.planRead!(ids, cut, upload) : upload.images(images);
  const unplanned = transforms.findIndex(({ plan }) => plan === undefined);
  const planned = unplanned < 0 ? transforms : transforms.slice(0, unplanned);
  const runs: PlannedTransform[] = [
    ...planned.map(({ plan }) => plan!({ height: size, width: size, upload }, randoms)),
    ...transforms.slice(planned.length).map(
      (transform): PlannedTransform =>
        (xs, options) =>
          transform(xs, randoms, options),
    ),
  ];
  return () => torch.tidy(() => runs.reduce((xs, run) => run(xs, { mayChange: true }), sent())); // its own: nobody else needs it
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

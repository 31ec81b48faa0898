/** Batches with as many other images beside each, which another sampler drew: what GLMC mixes. */
import { type Batch, Loader, type LoaderOptions, type ReadBatch, transformed } from '../loader.js';

export interface PairedBatch extends Batch {
  /** The second batch, with the same size and views. */
  readonly partners?: Batch;
}

/**
 * The batches of a loader; with `partnerIds`, at least as many as `ids`, also those of another one in step with it. An image
 * that is in both is augmented differently. Throws what a `Loader` throws.
 */
export async function* pairedBatches(
  options: LoaderOptions,
  partnerIds: Int32Array | null,
): AsyncGenerator<PairedBatch, void, void> {
  if (partnerIds === null) return yield* new Loader(options);
  // As if twice as many processes shared the epoch: no draw of one is a draw of the other.
  const { rank = 0, world = 1 } = options;
  const others = partnerIds.subarray(0, options.ids.length); // some samplers leave images out
  const partners = new Loader({ ...options, ids: others, rank: 2 * rank + 1, world: 2 * world }).reads();
  const loader = new Loader({ ...options, rank: 2 * rank, world: 2 * world });
  try {
    for await (const batch of loader.reads()) yield paired([batch, await next(partners, batch)], loader.device);
  } finally {
    await partners.return?.();
  }
}

/** The next partners; `batch` is released when they cannot be read. */
async function next(partners: AsyncIterator<ReadBatch>, batch: ReadBatch): Promise<ReadBatch> {
  try {
    const { value, done } = await partners.next();
    if (done !== true && value.size === batch.size) return value;
    if (done !== true) value[Symbol.dispose]();
    throw new Error('internal: there are fewer partners than images');
  } catch (error) {
    batch[Symbol.dispose]();
    throw error;
  }
}

/** Both are transformed together, so that one copy brings a device what they need. */
function paired(both: readonly [ReadBatch, ReadBatch], device: string): PairedBatch {
  const [batch, partners] = transformed(both, device) as [Batch, Batch];
  const dispose = (): void => {
    batch[Symbol.dispose]();
    partners[Symbol.dispose]();
  };
  return { ...batch, partners, [Symbol.dispose]: dispose };
}

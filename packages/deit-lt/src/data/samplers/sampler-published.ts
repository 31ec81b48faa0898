/**
 * Epoch orders with the same indices as the published DeiT-LT code draws: PyTorch's DistributedSampler, and DeiT's sampler
 * for repeated augmentation; both are ordered by `torch.randperm`.
 */

import { z } from 'zod';
import { torchRandperm } from '../torch-legacy.js';
import { type SamplerPlace, samplerEntry } from './sampler.js';
import { dealRepeated, distributed, range } from './sampler-orders.js';
import { repeats } from './sampler-shuffle.js';

export interface PublishedOptions extends SamplerPlace {
  /** Copies of each image. Default 3. */
  repeats?: number;
  /** False keeps the order of the data. Default true. */
  shuffle?: boolean;
}

/** PyTorch's DistributedSampler: `randperm` seeded with seed + epoch, padded from the front, every world-th index. */
export function publishedDistributed(
  length: number,
  { seed = 0, epoch = 0, rank = 0, world = 1, shuffle = true }: PublishedOptions = {},
): Int32Array {
  return distributed(shuffle ? torchRandperm(length, seed + epoch) : range(length), { rank, world });
}

/**
 * DeiT's repeated augmentation: `randperm` seeded with the epoch alone, each index `repeats` times, and of a process's
 * part the first ⌊⌊length/256⌋·256/world⌋. So it leaves nothing of fewer than 256 images; `repeatedAugmentation` does.
 */
export function publishedRepeatedAugmentation(
  length: number,
  { epoch = 0, rank = 0, world = 1, repeats = 3, shuffle = true }: PublishedOptions = {},
): Int32Array {
  const order = shuffle ? torchRandperm(length, epoch) : range(length);
  return dealRepeated(order, { repeats, rank, world }).slice(0, Math.floor((Math.floor(length / 256) * 256) / world));
}

/** The registry's entry of `publishedDistributed`. */
export const publishedShuffleEntry = samplerEntry({
  name: 'published-shuffle',
  options: z.object({}),
  deals: true,
  create: () => (labels, _, place) => publishedDistributed(labels.length, place),
});

/** The registry's entry of `publishedRepeatedAugmentation`. */
export const publishedRepeatedAugmentationEntry = samplerEntry({
  name: 'published-repeated-augmentation',
  options: z.object({ repeats }),
  deals: true,
  create:
    ({ repeats }) =>
    (labels, _, place) =>
      publishedRepeatedAugmentation(labels.length, { ...place, repeats }),
});

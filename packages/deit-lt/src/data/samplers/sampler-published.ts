/**
 * Epoch orders with the same indices as the published DeiT-LT code draws: PyTorch's DistributedSampler, and DeiT's sampler
 * for repeated augmentation; both are ordered by `torch.randperm`.
 */

import { torchRandperm } from '../torch-legacy.js';
import type { SamplerOptions } from './sampler-options.js';
import { dealRepeated, distributed, range } from './sampler-orders.js';

export interface PublishedOptions extends SamplerOptions {
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

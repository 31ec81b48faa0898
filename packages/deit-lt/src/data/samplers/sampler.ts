/**
 * The order of the images in an epoch: samplers by name, each a function from labels, seed and epoch to a list of
 * image indices. Those called `published-…` draw the same indices as the published code.
 */
import { UserError } from '../../errors.js';
import { suggest } from '../../nearest.js';
import { classBalanced, effectiveNumber, squareRoot } from './sampler-balanced.js';
import type { SamplerOptions } from './sampler-options.js';
import { dealRepeated, distributed, range, shuffled } from './sampler-orders.js';
import { publishedDistributed, publishedRepeatedAugmentation } from './sampler-published.js';

/** The images of one epoch in order; `labels` are in [0, numClasses). */
export type Sampler = (labels: Int32Array, numClasses: number, options?: SamplerOptions) => Int32Array;

/**
 * Repeated augmentation (Hoffer et al., "Augment your batch", CVPR 2020; Berman et al., "MultiGrain", 2019): each image of
 * a shuffled order `repeats` times in a row, of which an epoch uses as many places as there are images. So it visits a part
 * of the images, each several times under other augmentation; with several processes the copies go to different ones.
 */
export function repeatedAugmentation(
  length: number,
  { seed = 0, epoch = 0, rank = 0, world = 1, repeats = 3 }: SamplerOptions = {},
): Int32Array {
  const order = shuffled(length, { seed, epoch });
  return dealRepeated(order, { repeats, rank, world }).slice(0, Math.ceil(length / world));
}

/** Samplers by the name that recipes use. */
export const samplers = {
  shuffle: (labels, _, options) => distributed(shuffled(labels.length, options), options),
  'repeated-augmentation': (labels, _, options) => repeatedAugmentation(labels.length, options),
  'class-balanced': classBalanced,
  'square-root': squareRoot,
  'effective-number': effectiveNumber,
  sequential: (labels, _, options) => distributed(range(labels.length), options),
  'published-shuffle': (labels, _, options) => publishedDistributed(labels.length, options),
  'published-repeated-augmentation': (labels, _, options) => publishedRepeatedAugmentation(labels.length, options),
} satisfies Record<string, Sampler>;

export type SamplerName = keyof typeof samplers;
export const samplerNames = Object.keys(samplers) as SamplerName[];

/** The sampler called `name`. Throws `UserError` when there is none. */
export function samplerNamed(name: string): Sampler {
  if (Object.hasOwn(samplers, name)) return samplers[name as SamplerName];
  throw new UserError('RECIPE', `sampler: unknown name "${name}"; ${suggest(name, samplerNames)}`);
}

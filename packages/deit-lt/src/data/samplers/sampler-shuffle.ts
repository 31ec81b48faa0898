/** Samplers that do not depend on the labels: shuffled, in order, and repeated augmentation. */
import { z } from 'zod';
import { count, most } from '../../option-limits.js';
import { samplerEntry } from './sampler.js';
import { dealRepeated, range } from './sampler-orders.js';

/** An option of all samplers that repeat images. */
export const repeats = count
  .max(most.depth)
  .default(3) // as in DeiT
  .describe('repeated augmentation: how often an image comes in an epoch');

/** Every image once, shuffled again for each epoch. */
export const shuffleEntry = samplerEntry({
  name: 'shuffle',
  options: z.object({}),
  create:
    () =>
    (labels, _, { random }) =>
      random.shuffle(range(labels.length)),
});

/** Every image once, in the order of the data. */
export const sequentialEntry = samplerEntry({
  name: 'sequential',
  options: z.object({}),
  create: () => (labels) => range(labels.length),
});

/**
 * Repeated augmentation (Hoffer et al., "Augment your batch", CVPR 2020; Berman et al., "MultiGrain", 2019): each image of
 * a shuffled order `repeats` times in a row, of which an epoch uses as many places as there are images. So it visits a part
 * of the images, each several times under other augmentation; with several processes the copies go to different ones.
 */
export const repeatedAugmentationEntry = samplerEntry({
  name: 'repeated-augmentation',
  options: z.object({ repeats }),
  deals: true,
  create:
    ({ repeats }) =>
    (labels, _, { random, rank, world }) => {
      const order = random.shuffle(range(labels.length));
      return dealRepeated(order, { repeats, rank, world }).slice(0, Math.ceil(labels.length / world));
    },
});

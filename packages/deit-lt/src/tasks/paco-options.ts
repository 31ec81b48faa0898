/** The options of a PaCo teacher in recipes; the defaults are the published figures of CIFAR. */
import { z } from 'zod';
import { augmentSchema } from '../augment/registry.js';
import { channels, count, most, positive, probability } from '../option-limits.js';

export const pacoOptions = z.object({
  variant: z
    .enum(['paco', 'gpaco'])
    .default('paco')
    .describe(
      'gpaco: no momentum encoder, both views learn by one network, and the head has three layers without batch norm',
    ),
  alpha: positive.default(0.01).describe('weight of another embedding of the class'),
  beta: positive.default(1).describe('weight of the class itself'),
  gamma: z.number().nonnegative().default(1).describe('weight of the embeddings in the denominator'),
  temperature: positive.default(0.05).describe('divides the similarities of embeddings'),
  classTemperature: positive.default(1).describe("divides the classifier's logits with their prior"),
  labelSmoothing: probability.default(0).describe('part of beta that is spread over the other classes'),
  embedding: channels.default(32).describe('width of an embedding'),
  queue: count.max(most.batch).default(1024).describe('embeddings of earlier images that a batch is compared with'),
  momentum: probability.default(0.999).describe('what the key encoder keeps of itself in a step'),
  batchNormParts: count
    .default(1)
    .describe(
      'parts of a batch with batch-norm statistics of their own, keys shuffled among them: as on so many cards',
    ),
  contrastParts: count
    .default(1)
    .describe('parts of a batch whose images are compared with their own part and the queue: as on so many cards'),
  keyAugment: augmentSchema
    .prefault({ preset: 'paco-key' })
    .describe('what the key encoder sees of an image; augment is for the query encoder'),
});

/** Complete. */
export type PacoRecipe = z.output<typeof pacoOptions>;

/** The options of a GLMC teacher in recipes; the defaults are the published figures of CIFAR. */
import { z } from 'zod';
import { channels, positive } from '../option-limits.js';

export const glmcOptions = z.object({
  mixAlpha: positive.default(1).describe('α of the λ of both mixtures, Beta(α, α)'),
  correctLambda: z.boolean().default(true).describe('the labels of CutMix follow the box as the border clips it'),
  partnerPower: z
    .number()
    .default(0)
    .describe(
      'an image of a class with n images comes ∝ n^(−power) in the second batch; 0: all images equally, 1: all classes',
    ),
  labelPower: z
    .number()
    .nonnegative()
    .default(1.2)
    .describe("labels of a class with n images count ∝ n^(−power) in the balanced head's loss"),
  consistency: z.number().nonnegative().default(4).describe('weight of the consistency of both mixtures'),
  embedding: channels.default(256).describe('width of a projection'),
});

/** Complete. */
export type GlmcRecipe = z.output<typeof glmcOptions>;

/** The effect of an adaptation on the outputs of a model: the part that a file of the model itself also has. */
import { z } from 'zod';

const probability = z.number().min(0).max(1);
const natural = z.int().nonnegative();

const unknownRule = z.object({
  rule: z.enum(['precision', 'error-cost']),
  value: z.number().positive(),
  thresholds: z.array(z.number().min(0).max(2)).describe('by class; above 1: never accepted'),
  own: z.array(z.boolean()).describe('by class; false: the threshold of all classes together'),
  coverage: probability.describe('share of the images that are accepted'),
  risk: probability.nullable().describe('share of wrong predictions among them; null without any'),
});

const conformalRule = z.object({
  coverage: probability,
  limits: z.array(probability).describe('by class: the least probability of a class in the set'),
  always: natural.describe('classes that are in every set, because they have too few images'),
  meanSize: z.number().nonnegative().describe('mean number of classes in a set'),
});

const priorRule = z.object({
  from: z.enum(['uniform', 'training', 'file', 'estimated']),
  source: z.string().nullable().describe('the file or folder that it was read from'),
  shares: z.array(probability).describe('by class, sum 1; 0: the class does not occur'),
});

export const appliedAdaptation = z.object({
  outputs: z.array(z.enum(['avg', 'cls', 'dist'])).min(1),
  weights: z.array(z.number().nonnegative()).describe('factor of the logits of each output'),
  bias: z.array(z.number()).describe('by class, added to the weighted logits, which the logit scale multiplied'),
  prior: priorRule,
  unknown: unknownRule.nullable(),
  conformal: conformalRule.nullable(),
});

export type AppliedAdaptation = z.infer<typeof appliedAdaptation>;

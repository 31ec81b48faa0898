/**
 * Class weights by the effective number of samples.
 * Y. Cui et al., "Class-balanced loss based on effective number of samples", CVPR 2019, arXiv 1901.05555.
 */
import { UserError } from '../errors.js';
import { requireImages } from './loss.js';

/**
 * `(1 − beta)/(1 − beta^n)` for each class of `counts` (n training images), scaled to the sum C. `beta` 0 gives ones;
 * towards 1 the weights become proportional to 1/n. The papers' deferred re-weighting takes 0.9999.
 * Throws `UserError` for a class without images (DATA_CLASSES) and a `beta` outside [0, 1) (RECIPE).
 */
export function classWeights(counts: ArrayLike<number>, beta: number): number[] {
  if (!(beta >= 0 && beta < 1))
    throw new UserError('RECIPE', `drw.beta: expected a number from 0 to below 1, found ${beta}.`);
  requireImages(counts, 'Class-balanced weighting (drw)');
  const raw = Array.from(counts, (count) => (1 - beta) / (1 - beta ** count));
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((weight) => (weight / sum) * raw.length);
}

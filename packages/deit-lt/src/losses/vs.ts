/**
 * Vector-scaling loss: a factor and a shift for each class's logit.
 * G. R. Kini et al., "Label-imbalanced and group-sensitive classification under overparameterization", NeurIPS 2021,
 * arXiv 2103.01550.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { crossEntropy } from './cross-entropy.js';
import { classVector, inFullPrecision, type Loss, requireImages, type WeightOptions } from './loss.js';
import { lossEntry } from './loss-entry.js';

export interface VsOptions extends WeightOptions {
  /** Exponent of the factors; 0: none. Default 0.3. */
  gamma?: number;
  /** Strength of the shifts; 0: none. Default 1. */
  tau?: number;
}

/**
 * Weighted cross-entropy of `logits / delta + iota` with `delta_c = (n_max/n_c)^gamma` and `iota_c = tau · log(n_c/N)`.
 * Throws `UserError` (DATA_CLASSES) for a class without training images.
 */
export function vs(counts: ArrayLike<number>, { gamma = 0.3, tau = 1, weights = null }: VsOptions = {}): Loss {
  requireImages(counts, 'The VS loss');
  const all = Array.from(counts);
  const total = all.reduce((a, b) => a + b, 0);
  const largest = all.reduce((a, b) => Math.max(a, b), 0);
  const deltaFor = classVector(all.map((count) => (largest / count) ** gamma));
  const iotaFor = classVector(all.map((count) => tau * Math.log(count / total)));
  const base = crossEntropy({ weights });
  return (logits, targets) =>
    torch.tidy(() => {
      const full = inFullPrecision(logits);
      return base(full.div(deltaFor(full)).add(iotaFor(full)), targets);
    });
}

/** The registry's entry for `vs`. */
export const vsEntry = lossEntry({
  name: 'vs',
  mixedLabels: true,
  options: z.object({
    gamma: z.number().nonnegative().default(0.3).describe('VS: exponent of the factors of logits'),
    tau: z.number().nonnegative().default(1).describe('VS: strength of the shifts of logits'),
  }),
  create: vs,
});

/**
 * Logit-adjusted cross-entropy: training with the class prior on top, prediction without it.
 * A. K. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021, arXiv 2007.07314.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { crossEntropy } from './cross-entropy.js';
import { classVector, inFullPrecision, type Loss, requireImages, type WeightOptions } from './loss.js';
import { lossEntry } from './loss-entry.js';
import { labelSmoothing } from './options.js';

export interface LogitAdjustmentOptions extends WeightOptions {
  /** Strength: 0 is plain cross-entropy, 1 aims at the balanced error. Default 1. */
  tau?: number;
  /** Part of a label that is spread evenly over all classes; soft targets are used unchanged. Default 0. */
  labelSmoothing?: number;
}

/**
 * Cross-entropy of `logits + tau · log(n_c/N)`; labels or soft targets.
 * Throws `UserError` (DATA_CLASSES) for a class without training images.
 */
export function logitAdjustment(
  counts: ArrayLike<number>,
  { tau = 1, weights = null, labelSmoothing = 0 }: LogitAdjustmentOptions = {},
): Loss {
  const shiftFor = classVector(logPrior(counts, tau));
  const base = crossEntropy({ weights, labelSmoothing });
  return (logits, targets) =>
    torch.tidy(() => {
      const full = inFullPrecision(logits);
      return base(full.add(shiftFor(full)), targets);
    });
}

/**
 * `tau · log(n_c/N)` of each class: what is added to its logit in training.
 * Throws `UserError` (DATA_CLASSES) for a class without training images.
 */
export function logPrior(counts: ArrayLike<number>, tau: number): number[] {
  requireImages(counts, 'Logit adjustment');
  const total = Array.from(counts).reduce((a, b) => a + b, 0);
  return Array.from(counts, (count) => tau * Math.log(count / total));
}

/** The registry's entry for `logit-adjustment`. */
export const logitAdjustmentEntry = lossEntry({
  name: 'logit-adjustment',
  mixedLabels: true,
  options: z.object({
    tau: z.number().nonnegative().default(1).describe('strength of the prior: 0 none, 1 aims at the balanced error'),
    labelSmoothing,
  }),
  create: logitAdjustment,
});

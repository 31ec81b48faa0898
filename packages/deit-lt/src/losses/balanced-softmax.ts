/**
 * Balanced softmax: each class's exponential is multiplied by its number of training images.
 * J. Ren et al., "Balanced meta-softmax for long-tailed visual recognition", NeurIPS 2020, arXiv 2007.10740.
 */

import { z } from 'zod';
import { type LogitAdjustmentOptions, logitAdjustment } from './logit-adjustment.js';
import type { Loss } from './loss.js';
import { lossEntry } from './loss-entry.js';
import { labelSmoothing } from './options.js';

/**
 * `−log(n_label · e^logit_label / Σ_c n_c · e^logit_c)`: logit adjustment of strength 1.
 * Throws `UserError` (DATA_CLASSES) for a class without training images.
 */
export function balancedSoftmax(counts: ArrayLike<number>, options: Omit<LogitAdjustmentOptions, 'tau'> = {}): Loss {
  return logitAdjustment(counts, { ...options, tau: 1 });
}

/** The registry's entry for `balanced-softmax`. */
export const balancedSoftmaxEntry = lossEntry({
  name: 'balanced-softmax',
  mixedLabels: true,
  options: z.object({ labelSmoothing }),
  create: balancedSoftmax,
});

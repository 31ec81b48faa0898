/**
 * Label-distribution-aware margin loss. K. Cao et al., "Learning imbalanced datasets with label-distribution-aware
 * margin loss", NeurIPS 2019, arXiv 1906.07413. Its deferred re-weighting (DRW) is this loss, made again with class
 * weights at the epoch of the switch.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import {
  classVector,
  inFullPrecision,
  type Loss,
  requireImages,
  requireLabels,
  type WeightOptions,
  weightVector,
} from './loss.js';
import { lossEntry } from './loss-entry.js';

export interface LdamOptions extends WeightOptions {
  /** Margin of the rarest class. Default 0.5, as for long-tailed CIFAR; 0.3 for ImageNet-LT. */
  maxMargin?: number;
  /** Factor of the cosines before the softmax. Default 30. */
  scale?: number;
}

/** The margin of each class: `∝ n^(−1/4)`, the largest one `maxMargin`. */
export function ldamMargins(counts: ArrayLike<number>, maxMargin = 0.5): number[] {
  requireImages(counts, 'The LDAM loss');
  const raw = Array.from(counts, (count) => 1 / Math.sqrt(Math.sqrt(count)));
  const largest = raw.reduce((a, b) => Math.max(a, b), 0);
  return raw.map((margin) => (margin / largest) * maxMargin);
}

/**
 * Weighted cross-entropy of `scale · (logits − margin_label · onehot(label))`, for logits that are cosines (a
 * classifier with normalised features and columns). Labels only. Throws `UserError` (DATA_CLASSES) for a class without
 * training images.
 */
export function ldam(
  counts: ArrayLike<number>,
  { maxMargin = 0.5, scale = 30, weights = null }: LdamOptions = {},
): Loss {
  const marginFor = classVector(ldamMargins(counts, maxMargin));
  const weightFor = weightVector(weights);
  return (logits, labels) =>
    torch.tidy(() => {
      requireLabels(labels, 'ldam');
      const full = inFullPrecision(logits);
      const margins = marginFor(full).index(labels).neg().unsqueeze(1); // (B, 1)
      const moved = full.scatterAdd(1, labels.unsqueeze(1), margins).mul(scale);
      return torch.nn.functional.crossEntropy(moved, labels, { weight: weightFor(full) });
    });
}

/** The registry's entry for `ldam`. */
export const ldamEntry = lossEntry({
  name: 'ldam',
  cosine: true,
  options: z.object({
    maxMargin: z.number().positive().default(0.5).describe('LDAM: margin of the rarest class'),
    scale: z.number().positive().default(30).describe('LDAM: factor of the cosines'),
  }),
  logitScale: ({ scale }) => scale,
  create: ldam,
});

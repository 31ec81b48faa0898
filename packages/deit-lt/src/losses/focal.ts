/**
 * Focal loss for softmax classifiers.
 * T.-Y. Lin et al., "Focal loss for dense object detection", ICCV 2017, arXiv 1708.02002.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { inFullPrecision, type Loss, requireLabels, type WeightOptions, weightVector } from './loss.js';
import { lossEntry } from './loss-entry.js';

export interface FocalOptions extends WeightOptions {
  /** Exponent that down-weights easy samples; 0 is plain cross-entropy. Default 1, as in the teachers' code. */
  gamma?: number;
  /**
   * Takes p from the weighted cross-entropy, as the published code: with weights it is then no probability. Default
   * false.
   */
  published?: boolean;
}

/** Float32's `1 − p` is 0 for the surest samples, where the slope of a power below 1 is infinite. */
const smallest = 1e-8;

/** `w_label · (1 − p)^gamma · (−log p)` with `p = softmax(logits)[label]`, plain mean over the batch. Labels only. */
export function focal({ gamma = 1, weights = null, published = false }: FocalOptions = {}): Loss {
  const weightFor = weightVector(weights);
  return (logits, labels) =>
    torch.tidy(() => {
      requireLabels(labels, 'focal');
      const full = inFullPrecision(logits);
      const weight = weightFor(full);
      const plain = torch.nn.functional.crossEntropy(full, labels, { reduction: 'none' }); // (B)
      const weighted = weight === null ? plain : plain.mul(weight.index(labels));
      const rest = (published ? weighted : plain).neg().expm1().neg().clampMin(smallest); // 1 − p
      return rest.pow(gamma).mul(weighted).mean();
    });
}

/** The registry's entry for `focal`. */
export const focalEntry = lossEntry({
  name: 'focal',
  options: z.object({
    gamma: z.number().nonnegative().default(1).describe('focal: how much easy samples count less; 0: cross-entropy'),
    published: z.boolean().default(false).describe('focal: p is taken after the class weight, as published'),
  }),
  create: (_, options) => focal(options),
});

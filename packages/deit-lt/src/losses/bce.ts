/**
 * Binary cross-entropy: every class is a yes-or-no question of its own, as DeiT III trains.
 * H. Touvron et al., "DeiT III: Revenge of the ViT", ECCV 2022, arXiv 2204.07118.
 */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { inFullPrecision, type Loss, type WeightOptions, weightVector } from './loss.js';
import { lossEntry } from './loss-entry.js';

export interface BceOptions extends WeightOptions {
  /**
   * Targets above this become 1, the others 0, so that both classes of a mixed image are right. The published code uses
   * 0, which turns every class of a smoothed target into a 1. Default null: targets are used unchanged.
   */
  threshold?: number | null;
}

/** Mean over batch and classes of `−w_c · (t log σ(logit) + (1 − t) log(1 − σ(logit)))`; labels or soft targets. */
export function bce({ weights = null, threshold = null }: BceOptions = {}): Loss {
  const weightFor = weightVector(weights);
  return (logits, targets) =>
    torch.tidy(() => {
      const full = inFullPrecision(logits);
      const soft = targets.dtype === 'int64' ? torch.ops.aten.one_hot.default(targets, full.size(1)) : targets;
      const wanted = (threshold === null ? soft : soft.gt(threshold)).to(full.dtype);
      return torch.nn.functional.binaryCrossEntropyWithLogits(full, wanted, { weight: weightFor(full) });
    });
}

/** The registry's entry for `bce`. */
export const bceEntry = lossEntry({
  name: 'bce',
  mixedLabels: true,
  options: z.object({
    threshold: z
      .number()
      .min(0)
      .max(1)
      .nullable()
      .default(null)
      .describe('bce: targets above it count as 1, others as 0; null: as they are; 0: as published'),
  }),
  create: (_, options) => bce(options),
});

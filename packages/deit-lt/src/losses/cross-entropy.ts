/** Cross-entropy, with label smoothing and class weights. Soft targets: soft-target-cross-entropy.ts. */

import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { inFullPrecision, type Loss, type WeightOptions, weightVector } from './loss.js';
import { lossEntry } from './loss-entry.js';
import { labelSmoothing } from './options.js';
import { softTargetCrossEntropy } from './soft-target-cross-entropy.js';

export interface CrossEntropyOptions extends WeightOptions {
  /** Part of a label that is spread evenly over all classes, 0 … 1. Soft targets are used unchanged. Default 0. */
  labelSmoothing?: number;
}

/**
 * `−log softmax(logits)[label]`, with weights `Σ w_label · loss / Σ w_label` over the batch. Takes soft targets too:
 * they go to `softTargetCrossEntropy`.
 */
export function crossEntropy({ weights = null, labelSmoothing = 0 }: CrossEntropyOptions = {}): Loss {
  const weightFor = weightVector(weights);
  const soft = softTargetCrossEntropy({ weights });
  return (logits, targets) => {
    if (targets.dtype !== 'int64') return soft(logits, targets);
    return torch.tidy(() => {
      const full = inFullPrecision(logits);
      return torch.nn.functional.crossEntropy(full, targets, { weight: weightFor(full), labelSmoothing });
    });
  };
}

/** The registry's entry for `cross-entropy`. */
export const crossEntropyEntry = lossEntry({
  name: 'cross-entropy',
  mixedLabels: true,
  options: z.object({ labelSmoothing }),
  create: (_, options) => crossEntropy(options),
});

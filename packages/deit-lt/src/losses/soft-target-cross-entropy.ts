/** Cross-entropy with a distribution as target: labels after Mixup, CutMix and smoothing. As timm's `SoftTargetCrossEntropy`. */
import * as torch from '@deit-lt/torch';
import { inFullPrecision, type Loss, type WeightOptions, weightVector } from './loss.js';

/**
 * `−Σ_c w_c · target_c · log softmax(logits)_c`, mean over the batch. Targets `[B, C]` need not sum to one; weights do
 * not change what the mean is divided by. Throws `TypeError` for labels.
 */
export function softTargetCrossEntropy({ weights = null }: WeightOptions = {}): Loss {
  const weightFor = weightVector(weights);
  return (logits, targets) =>
    torch.tidy(() => {
      if (targets.shape.join() !== logits.shape.join())
        throw new TypeError(
          `softTargetCrossEntropy: expected targets [${logits.shape.join(', ')}] like the logits, got [${targets.shape.join(', ')}]`,
        );
      const full = inFullPrecision(logits);
      return torch.nn.functional.crossEntropy(full, targets.to(full.dtype), { weight: weightFor(full) });
    });
}

/** The answers of a model to images, for everybody who uses it. */
import * as torch from '@deit-lt/torch';
import { type Opinion, opinions } from '../evaluation/ranking.js';
import { rulesOf } from './adapted-logits.js';
import type { AnyClassifier } from './classifier.js';
import { logitScale } from './logit-scale.js';

/**
 * Returns the `top` most likely classes of each of the normalised images `[B, 3, S, S]`, by each output, and what the
 * model's adaptation decides. Throws UserError CHECKPOINT for logits that are not finite.
 */
export function answersOf(classifier: AnyClassifier, images: torch.Tensor, top: number): Opinion[] {
  return torch.tidy(() =>
    opinions(
      torch.noGrad(() => classifier.logits(images)),
      top,
      classifier.classNames,
      logitScale(classifier),
      rulesOf(classifier),
    ),
  );
}

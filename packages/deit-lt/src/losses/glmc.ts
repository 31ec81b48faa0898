/**
 * Global and local mixture consistency: two mixtures of the same images are classified by two heads, of which one
 * counts rare classes more and takes over in the course of the training, and the mixtures should look alike to a
 * projection. F. Du et al., "Global and local mixture consistency cumulative learning for long-tailed visual
 * recognitions", CVPR 2023, arXiv 2305.08661.
 */
import * as torch from '@deit-lt/torch';
import { requireImages } from './loss.js';
import { softTargetCrossEntropy } from './soft-target-cross-entropy.js';

export interface GlmcOptions {
  /**
   * A label of a class with n images counts `∝ n^(−labelPower)` in the balanced head's loss; 0: all alike. Default 1.2.
   */
  labelPower?: number;
  /** Weight of the consistency. Default 4. */
  consistency?: number;
}

/** One mixture of a batch, and what the network makes of it. */
export interface GlmcMixture {
  /** Logits of the head that weights all images equally, `[B, C]`. */
  readonly plain: torch.Tensor;
  /** Logits of the head that weights all classes equally, `[B, C]`. */
  readonly balanced: torch.Tensor;
  /** `[B, D]`. */
  readonly projection: torch.Tensor;
  /** Prediction of the other mixture's projection, `[B, D]`. */
  readonly prediction: torch.Tensor;
  /** `[B, C]`. */
  readonly targets: torch.Tensor;
}

export interface GlmcMoment {
  /** Share of the plain head's loss, 0 … 1; the rest is the balanced one's. */
  readonly share: number;
  /** Whether the consistency is in the loss; it is computed in any case. */
  readonly consistent: boolean;
}

/**
 * Scalars in float32; `loss = share·plain + (1 − share)·balanced`, with the weighted consistency loss if it is
 * requested.
 */
export interface GlmcParts {
  readonly loss: torch.Tensor;
  readonly plain: torch.Tensor;
  readonly balanced: torch.Tensor;
  /** The negative sum of two cosines: −2 when both mixtures look alike. */
  readonly consistency: torch.Tensor;
}

export type GlmcLoss = (global: GlmcMixture, local: GlmcMixture, moment: GlmcMoment) => GlmcParts;

/**
 * `n^(−power)` for each class of `counts`, scaled to the sum C. Throws `UserError` (DATA_CLASSES) for a class without
 * images.
 */
export function labelWeights(counts: ArrayLike<number>, power: number): number[] {
  requireImages(counts, 'GLMC');
  const raw = Array.from(counts, (count) => count ** -power);
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((weight) => (weight / sum) * raw.length);
}

/**
 * Returns the loss of GLMC and its parts. With both mixtures m, n, targets y and label weights w: `plain = Σ_m
 * CE(plain_m, y_m)`, `balanced = Σ_m CE(balanced_m, w·y_m)`, `consistency = −cos(prediction_m, projection_n) −
 * cos(prediction_n, projection_m)`, without a gradient for projections.
 */
export function glmc(
  counts: ArrayLike<number>,
  { labelPower = 1.2, consistency: weight = 4 }: GlmcOptions = {},
): GlmcLoss {
  const plainLoss = softTargetCrossEntropy();
  const balancedLoss = softTargetCrossEntropy({ weights: labelWeights(counts, labelPower) });
  return (global, local, { share, consistent }) =>
    torch.tidy(() => {
      const plain = plainLoss(global.plain, global.targets).add(plainLoss(local.plain, local.targets));
      const balanced = balancedLoss(global.balanced, global.targets).add(balancedLoss(local.balanced, local.targets));
      const classified = plain.mul(share).add(balanced, { alpha: 1 - share });
      const consistency = consistent ? unlikeness(global, local) : torch.noGrad(() => unlikeness(global, local));
      return {
        loss: consistent ? classified.add(consistency, { alpha: weight }) : classified,
        plain,
        balanced,
        consistency,
      };
    });
}

function unlikeness(global: GlmcMixture, local: GlmcMixture): torch.Tensor {
  return cosine(global.prediction, local.projection).add(cosine(local.prediction, global.projection)).neg();
}

/** Mean over the batch, with a gradient only for `moving`. */
function cosine(moving: torch.Tensor, fixed: torch.Tensor): torch.Tensor {
  const [a, b] = [moving, fixed.detach()].map((x) => torch.nn.functional.normalize(x.float(), { dim: 1 }));
  return a!.mul(b!).sum(1).mean();
}

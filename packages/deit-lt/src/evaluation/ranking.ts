/** Ranks classes by their logits, the most likely first. */
import type * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { OutputLogits } from './evaluate.js';

export interface Ranked {
  readonly class: string;
  /** Probability in [0, 1]. */
  readonly probability: number;
}

/** The prediction of a model for one image. */
export interface Opinion {
  /** Most likely classes first. */
  readonly top: readonly Ranked[];
  /** The same for CLS and DIST of a student. */
  readonly cls?: readonly Ranked[];
  readonly dist?: readonly Ranked[];
}

/**
 * The `top` most likely classes of each of B images, by each output of the model. `scale` is the model's `logitScale`.
 * Throws UserError CHECKPOINT for logits that are not finite.
 */
export function opinions(
  { avg, cls, dist }: OutputLogits,
  top: number,
  classNames: readonly string[],
  scale = 1,
): Opinion[] {
  const [all, byCls, byDist] = [avg, cls, dist].map((logits) => logits && rank(logits, { top, classNames, scale }));
  return all!.map((ranked, i) => ({
    top: ranked,
    ...(byCls && { cls: byCls[i]! }),
    ...(byDist && { dist: byDist[i]! }),
  }));
}

interface RankOptions {
  readonly top: number;
  readonly classNames: readonly string[];
  readonly scale: number;
}

/** Ranks the classes of each row of logits `[B, C]`. */
function rank(logits: torch.Tensor, { top, classNames, scale }: RankOptions): Ranked[][] {
  const best = Math.min(top, classNames.length);
  const [values, indices] = logits.float().mul(scale).softmax(1).topk(best, 1); // (B, best)
  const probabilities = values.toTypedArray<'float32'>();
  if (probabilities.some(Number.isNaN))
    // finite weights may overflow
    throw new UserError(
      'CHECKPOINT',
      'the model returns NaN instead of probabilities: its weights are too large, or the image normalisation is wrong. Use an earlier checkpoint.',
    );
  const classes = indices.int().toTypedArray<'int32'>();
  return Array.from({ length: logits.shape[0]! }, (_, b) =>
    Array.from({ length: best }, (_, i) => ({
      class: classNames[classes[b * best + i]!]!,
      probability: probabilities[b * best + i]!,
    })),
  );
}

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
  /** Only of an adapted model with thresholds: whether the answer is "unknown", because the probability is too low. */
  readonly unknown?: boolean;
  /** Only of an adapted model with a coverage: the classes of the conformal set, most likely first. */
  readonly set?: readonly string[];
}

/** When an answer is "unknown", and which classes are in its set; by class. */
export interface DecisionRules {
  /** Least probability of an answer that is not "unknown". */
  readonly thresholds?: readonly number[] | undefined;
  /** Least probability of a class in the set. */
  readonly limits?: readonly number[] | undefined;
  /** Whether a class can occur; the others are in no list. Default: all can. */
  readonly occurs?: readonly boolean[] | undefined;
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
  rules: DecisionRules = {},
): Opinion[] {
  const [all, byCls, byDist] = [avg, cls, dist].map((logits) => logits && rank(logits, { top, classNames, scale }));
  const decided = decisions(avg, { classNames, scale, rules });
  return all!.map((ranked, i) => ({
    top: rules.occurs === undefined ? ranked : ranked.filter(({ probability }) => probability > 0),
    ...(byCls && { cls: byCls[i]! }),
    ...(byDist && { dist: byDist[i]! }),
    ...decided[i],
  }));
}

interface DecisionOptions {
  readonly classNames: readonly string[];
  readonly scale: number;
  readonly rules: DecisionRules;
}

/** Returns nothing for each image where the rules have no thresholds and no limits. */
function decisions(
  logits: torch.Tensor,
  { classNames, scale, rules: { thresholds, limits, occurs } }: DecisionOptions,
): Pick<Opinion, 'unknown' | 'set'>[] {
  if (thresholds === undefined && limits === undefined) return [];
  const classes = classNames.length;
  const all = logits.float().mul(scale).softmax(1).toTypedArray<'float32'>();
  return Array.from({ length: logits.shape[0]! }, (_, b) => {
    const of = all.subarray(b * classes, (b + 1) * classes);
    const order = Array.from(of.keys()).sort((a, c) => of[c]! - of[a]!);
    const inSet = (c: number): boolean => of[c]! >= Math.fround(limits![c]!) && (occurs?.[c] ?? true);
    return {
      ...(thresholds && { unknown: of[order[0]!]! < Math.fround(thresholds[order[0]!]!) }),
      ...(limits && { set: order.filter(inSet).map((c) => classNames[c]!) }),
    };
  });
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

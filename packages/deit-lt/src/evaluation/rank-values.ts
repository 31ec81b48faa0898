/** The logits of one image as classes by name, on plain arrays. For browsers; `ranking.ts` does it for batches. */
import type { DecisionRules, Opinion, Ranked } from './ranking.js';

/** The `top` most likely classes first, by softmax of `scale` times the logits; of equal ones the first. */
export function rankValues(logits: Float32Array, classNames: readonly string[], top: number, scale = 1): Ranked[] {
  const shares = probabilitiesOf(logits, scale);
  return orderOf(shares)
    .slice(0, top)
    .map((c) => ({ class: classNames[c]!, probability: shares[c]! }));
}

/** The decisions of an adapted model for the logits of its prediction, as `opinions()` has them. */
export function decideValues(
  logits: Float32Array,
  classNames: readonly string[],
  { thresholds, limits, occurs }: DecisionRules,
  scale = 1,
): Pick<Opinion, 'unknown' | 'set'> {
  const shares = probabilitiesOf(logits, scale);
  const order = orderOf(shares);
  const best = order[0]!;
  const inSet = (c: number): boolean => shares[c]! >= limits![c]! && (occurs?.[c] ?? true);
  return {
    ...(thresholds && { unknown: shares[best]! < thresholds[best]! }),
    ...(limits && { set: order.filter(inSet).map((c) => classNames[c]!) }),
  };
}

function probabilitiesOf(logits: Float32Array, scale: number): Float64Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) * scale));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const orderOf = (shares: Float64Array): number[] =>
  Array.from(shares, (_, c) => c).sort((a, b) => shares[b]! - shares[a]!);

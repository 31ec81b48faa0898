/** The logits of one image as classes by name, on plain arrays. For browsers; `ranking.ts` does it for batches. */
import type { Ranked } from './ranking.js';

/** The `top` most likely classes first, by softmax of `scale` times the logits; of equal ones the first. */
export function rankValues(logits: Float32Array, classNames: readonly string[], top: number, scale = 1): Ranked[] {
  const largest = logits.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) * scale));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const order = Array.from(weights, (_, c) => c).sort((a, b) => weights[b]! - weights[a]!);
  return order.slice(0, top).map((c) => ({ class: classNames[c]!, probability: weights[c]! / sum }));
}

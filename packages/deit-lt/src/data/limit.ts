/** A part of a data set in which its long tail keeps its shape, to try a training out. */
import { classCounts } from './dataset.js';
import { pickImages } from './long-tail.js';

/**
 * Indices of about `limit` images: of each class its share of them, rounded, but one at least. All when there are no more
 * than that. The same `seed` picks the same.
 */
export function limitedIndices(
  labels: Int32Array,
  numClasses: number,
  { limit, seed = 0 }: { limit: number; seed?: number },
): Int32Array {
  if (labels.length <= limit) return labels.map((_, id) => id);
  const share = limit / labels.length;
  const wanted = classCounts(labels, numClasses).map((n) => (n === 0 ? 0 : Math.max(1, Math.round(n * share))));
  return pickImages(labels, wanted, seed);
}

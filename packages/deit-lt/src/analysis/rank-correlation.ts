/** Correlation between the accuracy of classes and their numbers of training images. */

/**
 * Spearman's rank correlation, −1 … 1, equal values sharing the mean of their ranks; null when fewer than two pairs are
 * there or one side is constant. Pairs in which a value is null are left out.
 */
export function rankCorrelation(xs: readonly (number | null)[], ys: readonly (number | null)[]): number | null {
  const present = xs.flatMap((x, i) => (x === null || ys[i] === null || ys[i] === undefined ? [] : [i]));
  const [a, b] = [xs, ys].map((values) => ranks(present.map((i) => values[i]!))) as [number[], number[]];
  const [da, db] = [deviations(a), deviations(b)];
  const product = (p: number[], q: number[]): number => p.reduce((sum, x, i) => sum + x * q[i]!, 0);
  const scale = Math.sqrt(product(da, da) * product(db, db));
  return scale === 0 ? null : product(da, db) / scale;
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const found: number[] = Array.from(values, () => 0);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) found[order[k]!] = (start + end - 1) / 2;
    start = end;
  }
  return found;
}

function deviations(values: readonly number[]): number[] {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.map((x) => x - mean);
}

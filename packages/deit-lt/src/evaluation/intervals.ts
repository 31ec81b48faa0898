/**
 * 95 % intervals of accuracies over test images, which also hold for classes of one image: there the bootstrap and the
 * normal approximation give intervals of no width. Nothing here needs Node or libtorch.
 */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The 97.5 % point of the standard normal distribution. */
const z = 1.959963984540054;

/**
 * Returns the score interval of a share, in 0 … 1, of `hits` in `n` trials (E. B. Wilson, "Probable inference, the law of
 * succession, and statistical inference", Journal of the American Statistical Association, 1927).
 */
export function wilsonInterval(hits: number, n: number): Interval {
  const share = hits / n;
  const center = share + (z * z) / (2 * n);
  const half = z * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  // Rounding must not put the share outside of its interval.
  return { low: hits === 0 ? 0 : (center - half) / scale, high: hits === n ? 1 : (center + half) / scale };
}

/**
 * Classes with fewer test images are warned of, and share one estimate of their spread: half of the 95 % interval of such a
 * class is more than 20 points wide (at 50 %), and one image has no spread at all.
 */
export const fewTestImages = 20;

/**
 * Returns the interval of `P = Σ w_c·p_c` for shares p_c of independent classes and weights w_c ≥ 0 of sum 1: Wilson's, of P in
 * as many trials as a simple sample would need for the same variance, `P(1 − P)/V` with `V = Σ w_c²·p_c(1 − p_c)/n_c` (E. L.
 * Korn, B. I. Graubard, Survey Methodology, 1998; with Wilson's interval: C. Franco et al., Journal of Survey Statistics and
 * Methodology, 2019). In that number p_c is `(hits + 2)/(n + 4)`, and of all classes with fewer than `fewTestImages` images
 * together the same of their sums, which is rather too wide than too narrow (collapsed strata: W. G. Cochran, "Sampling
 * techniques", 1977). For a single class it is Wilson's own.
 */
export function weightedInterval(
  images: readonly number[],
  hits: readonly number[],
  weights: readonly number[],
): Interval {
  const counted = images.flatMap((n, c) => (n > 0 && weights[c]! > 0 ? [{ n, hits: hits[c]!, w: weights[c]! }] : []));
  if (counted.length === 1) return wilsonInterval(counted[0]!.hits, counted[0]!.n);
  const few = counted.filter(({ n }) => n < fewTestImages);
  const sumOf = (of: (each: Counted) => number, over = counted): number =>
    over.reduce((total, each) => total + of(each), 0);
  const ofFew = shrunk(
    sumOf((each) => each.hits, few),
    sumOf(({ n }) => n, few),
  );
  const spreadOf = (each: Counted): number => (each.n < fewTestImages ? ofFew : shrunk(each.hits, each.n));
  const mean = sumOf((each) => each.w * spreadOf(each));
  const variance = sumOf((each) => (each.w ** 2 * spreadOf(each) * (1 - spreadOf(each))) / each.n);
  const trials = (mean * (1 - mean)) / variance;
  const value = Math.min(
    1,
    sumOf((each) => (each.w * each.hits) / each.n),
  ); // rounding may lead beyond
  return wilsonInterval(value * trials, trials);
}

interface Counted {
  readonly n: number;
  readonly hits: number;
  readonly w: number;
}

const shrunk = (hits: number, n: number): number => (hits + 2) / (n + 4);

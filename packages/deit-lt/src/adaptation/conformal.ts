/**
 * Conformal prediction sets with a coverage for each class: the class-conditional (Mondrian) split conformal method with
 * the score 1 − probability (Vovk, "Conditional validity of inductive conformal predictors", ACML 2012; Sadinle et al.,
 * "Least ambiguous set-valued classifiers", JASA 2019).
 */

export interface ConformalOptions {
  /** Probability of the true class of each calibration image, 0 … 1. */
  readonly ofLabel: ArrayLike<number>;
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  /** Share of the images of each class whose set shall contain the class, between 0 and 1. */
  readonly coverage: number;
}

/**
 * Returns the least probability with which each class enters the set. For images like the calibration images, the set
 * then contains the true class with at least the probability `coverage`, whatever the class. A class with fewer than
 * ⌈coverage / (1 − coverage)⌉ calibration images gets 0: it is in every set, which is the only way to promise the
 * coverage.
 */
export function classLimits({ ofLabel, labels, classes, coverage }: ConformalOptions): Float64Array {
  const found: number[][] = Array.from({ length: classes }, () => []);
  for (let i = 0; i < labels.length; i++) found[labels[i]!]!.push(ofLabel[i]!);
  return Float64Array.from(found, (probabilities) => {
    // The k-th greatest score is the k-th smallest probability from the top; rounding must not cost an image.
    const needed = Math.ceil((probabilities.length + 1) * coverage - 1e-9);
    if (needed > probabilities.length) return 0;
    return probabilities.sort((a, b) => b - a)[needed - 1]!;
  });
}

/** Least number of calibration images with which a class can be left out of a set. */
export function leastForCoverage(coverage: number): number {
  return Math.ceil(coverage / (1 - coverage) - 1e-9);
}

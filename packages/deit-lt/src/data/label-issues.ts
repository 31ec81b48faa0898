/**
 * Images whose label is probably wrong, by the predictions of a model: confident learning (Northcutt, Jiang and Chuang, Journal
 * of Artificial Intelligence Research 2021), with the filter of the off-diagonal entries of the confident joint, as
 * cleanlab's `find_label_issues(filter_by="confident_learning")`.
 */

export interface LabelledProbabilities {
  /** Class of each image. */
  readonly labels: Int32Array;
  /** Probabilities of the model, image by image: `labels.length · classes` numbers. */
  readonly probabilities: Float32Array;
  readonly classes: number;
}

export interface LabelIssue {
  readonly index: number;
  readonly label: number;
  /** The class that the model is confident of instead. */
  readonly suggested: number;
  /** Probability of the label: the lower, the more likely is an error. */
  readonly selfConfidence: number;
}

/**
 * Returns the probable errors, the least self-confident first. The threshold of a class is the mean probability of the class over the
 * images that have its label; an image is an error when the most probable class of those that reach their threshold is not
 * its label, and its label is not the prediction.
 */
export function findLabelIssues({ labels, probabilities, classes }: LabelledProbabilities): LabelIssue[] {
  const thresholds = thresholdsOf({ labels, probabilities, classes });
  const issues: LabelIssue[] = [];
  labels.forEach((label, index) => {
    const own = probabilities.subarray(index * classes, (index + 1) * classes);
    const suggested = confidentClass(own, thresholds);
    const isPredicted = own.every((value) => value <= own[label]!);
    if (suggested >= 0 && suggested !== label && !isPredicted)
      issues.push({ index, label, suggested, selfConfidence: own[label]! });
  });
  return issues.sort((a, b) => a.selfConfidence - b.selfConfidence);
}

/** Infinity for a class without images: nothing is confident of it. */
function thresholdsOf({ labels, probabilities, classes }: LabelledProbabilities): Float64Array {
  const sums = new Float64Array(classes);
  const counts = new Int32Array(classes);
  labels.forEach((label, index) => {
    sums[label]! += probabilities[index * classes + label]!;
    counts[label]!++;
  });
  return sums.map((sum, c) => (counts[c] === 0 ? Number.POSITIVE_INFINITY : sum / counts[c]!));
}

/** A little less than the threshold reaches it, as in cleanlab: the mean of equal numbers is off by a rounding error. */
const slack = 1e-6;

/** The most probable class of those that reach their threshold; −1 where none does. */
function confidentClass(own: Float32Array, thresholds: Float64Array): number {
  let best = -1;
  for (let c = 0; c < own.length; c++)
    if (own[c]! >= thresholds[c]! - slack && (best < 0 || own[c]! > own[best]!)) best = c;
  return best;
}

/** Least probabilities from which a prediction is accepted; below them the answer is "unknown". */

/** Predictions of labelled images. */
export interface Judged {
  /** Predicted class of each image. */
  readonly predicted: ArrayLike<number>;
  /** Its probability, 0 … 1. */
  readonly confidence: ArrayLike<number>;
  /** Whether it is right. */
  readonly correct: ArrayLike<boolean | number>;
  /** Weight of each image. */
  readonly weights: ArrayLike<number>;
}

/** Predictions of a class below which its own threshold would be chance, and that of all classes is used. */
export const fewestPredictions = 10;

export interface PrecisionThresholds {
  /** Threshold of each class, 0 … 1; above 1 where no threshold reaches the precision: the class is never accepted. */
  readonly ofClass: Float64Array;
  /** Classes with a threshold of their own; the others have that of all predictions together. */
  readonly own: readonly boolean[];
}

/** No probability reaches it. */
const never = 2;

/**
 * Returns the least threshold of each class at which the share of right predictions among those accepted is at least
 * `precision`.
 */
export function thresholdsForPrecision(judged: Judged, classes: number, precision: number): PrecisionThresholds {
  const all = Array.from({ length: judged.predicted.length }, (_, i) => i);
  const ofClass: number[][] = Array.from({ length: classes }, () => []);
  for (const i of all) ofClass[judged.predicted[i]!]!.push(i);
  const shared = thresholdOf(all, judged, precision);
  const own = ofClass.map((images) => images.length >= fewestPredictions);
  return {
    own,
    ofClass: Float64Array.from(ofClass, (images, c) => (own[c] ? thresholdOf(images, judged, precision) : shared)),
  };
}

function thresholdOf(images: readonly number[], { confidence, correct, weights }: Judged, precision: number): number {
  const sorted = [...images].sort((a, b) => confidence[b]! - confidence[a]!);
  let [hits, total, best] = [0, 0, never];
  sorted.forEach((i, k) => {
    hits += Number(correct[i]!) * weights[i]!;
    total += weights[i]!;
    const isLastOfEqual = k === sorted.length - 1 || confidence[sorted[k + 1]!]! < confidence[i]!;
    if (isLastOfEqual && hits >= precision * total * (1 - 1e-12)) best = confidence[i]!;
  });
  return best;
}

/**
 * Returns the threshold with the least expected cost where a wrong answer costs `errorCost` times as much as "unknown"
 * (Chow, "On optimum recognition error and reject tradeoff", 1970). Above 1.
 */
export function thresholdForCost(errorCost: number): number {
  return 1 - 1 / errorCost;
}

/** A point of the coverage–risk curve: accepted share of the images, and share of wrong predictions among them. */
export interface RiskPoint {
  readonly threshold: number;
  readonly coverage: number;
  readonly risk: number;
}

/** Returns the curve from the surest prediction to all of them, with at most `points` points (El-Yaniv & Wiener, JMLR 2010). */
export function coverageRisk({ confidence, correct, weights }: Omit<Judged, 'predicted'>, points = 100): RiskPoint[] {
  const sorted = Array.from({ length: confidence.length }, (_, i) => i).sort((a, b) => confidence[b]! - confidence[a]!);
  const all = sorted.reduce((sum, i) => sum + weights[i]!, 0);
  const curve: RiskPoint[] = [];
  let [errors, total] = [0, 0];
  sorted.forEach((i, k) => {
    errors += (1 - Number(correct[i]!)) * weights[i]!;
    total += weights[i]!;
    const isDue = k === sorted.length - 1 || total / all >= (curve.length + 1) / points;
    if (isDue) curve.push({ threshold: confidence[i]!, coverage: total / all, risk: errors / total });
  });
  return curve;
}

/**
 * Whether a model is as often right as it says: the expected calibration error (Naeini et al., AAAI 2015; Guo et al., "On
 * Calibration of Modern Neural Networks", ICML 2017).
 */

export interface Confidences {
  /** Probability of the predicted class, 0 … 1, of each image. */
  readonly confidence: ArrayLike<number>;
  /** Whether the prediction was right. */
  readonly correct: ArrayLike<boolean | number>;
  /** Weight of each image. Default: each image counts once. */
  readonly weights?: ArrayLike<number>;
}

export interface CalibrationBin {
  /** Images whose confidence is in the bin, or the sum of their weights. */
  readonly images: number;
  /** Means over them, 0 … 1; null in an empty bin. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

export interface Calibration {
  /** `Σ_b n_b/n · |accuracy_b − confidence_b|`, 0 … 1; null without images. */
  readonly ece: number | null;
  /** `confidence − accuracy` over all images: positive when the model is too sure; null without images. */
  readonly overconfidence: number | null;
  /** Bins of equal width: (0, 1/B], (1/B, 2/B] … */
  readonly bins: readonly CalibrationBin[];
}

/** `bins`: how many of equal width. Default 15, as in Guo et al. */
export function calibrationOf({ confidence, correct, weights }: Confidences, { bins = 15 } = {}): Calibration {
  const sums = Array.from({ length: bins }, () => ({ images: 0, confidence: 0, hits: 0 }));
  for (let i = 0; i < confidence.length; i++) {
    const bin = sums[Math.min(bins - 1, Math.max(0, Math.ceil(confidence[i]! * bins) - 1))]!;
    const weight = weights?.[i] ?? 1;
    bin.images += weight;
    bin.confidence += weight * confidence[i]!;
    bin.hits += weight * Number(correct[i]!);
  }
  const total = sums.reduce((sum, { images }) => sum + images, 0);
  const gap = (bin: { confidence: number; hits: number }): number => bin.confidence - bin.hits;
  const share = (value: number, of: number): number | null => (of === 0 ? null : value / of);
  return {
    ece: share(
      sums.reduce((sum, bin) => sum + Math.abs(gap(bin)), 0),
      total,
    ),
    overconfidence: share(
      sums.reduce((sum, bin) => sum + gap(bin), 0),
      total,
    ),
    bins: sums.map(({ images, confidence: of, hits }) => ({
      images,
      confidence: share(of, images),
      accuracy: share(hits, images),
    })),
  };
}

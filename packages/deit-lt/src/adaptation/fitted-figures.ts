/** Figures of predictions under target shares of the classes. */
import * as torch from '@deit-lt/torch';
import { calibrationOf } from '../analysis/calibration.js';
import type { AdaptationMeasures } from '../classifier/adaptation.js';
import type { Judged } from './thresholds.js';

/** Predictions of labelled images, with the labels. */
export interface JudgedImages extends Judged {
  readonly labels: Int32Array;
  /** The sum is 1. */
  readonly weights: Float64Array;
  /** Probability of the true class. */
  readonly ofLabel: Float64Array;
}

/** Judges probabilities `[N, C]` by the labels; `weights` are those of the images. */
export function judge(probabilities: torch.Tensor, labels: Int32Array, weights: Float64Array): JudgedImages {
  return torch.tidy(() => {
    const values = probabilities.double();
    const [best, classes] = values.max(1) as unknown as [torch.Tensor, torch.Tensor];
    const predicted = classes.int().toTypedArray<'int32'>();
    const ofLabel = values.gather(1, torch.tensor(labels).long().unsqueeze(1)).squeeze(1);
    return {
      labels,
      weights,
      predicted,
      confidence: best.toTypedArray<'float64'>(),
      correct: Array.from(labels, (label, i) => predicted[i] === label),
      ofLabel: ofLabel.toTypedArray<'float64'>(),
    };
  });
}

/** Weight of each image so that class c counts for `shares[c]`, whatever the number of its images; the sum is 1. */
export function imageWeights(labels: Int32Array, shares: ArrayLike<number>): Float64Array {
  const images = countsOf(labels, shares.length);
  const weights = Float64Array.from(labels, (label) => shares[label]! / images[label]!);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

export function countsOf(labels: ArrayLike<number>, classes: number): number[] {
  const images = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) images[labels[i]!]!++;
  return images;
}

/** Accuracies in %, the likelihood and the calibration error, with the weights of the images. */
export function measuresOf(judged: JudgedImages, classes: number): AdaptationMeasures {
  const { labels, correct, weights, ofLabel } = judged;
  const uniform = imageWeights(labels, new Float64Array(classes).fill(1 / classes));
  const mean = (by: ArrayLike<number>, of: (i: number) => number): number =>
    labels.reduce((sum, _, i) => sum + by[i]! * of(i), 0);
  return {
    images: labels.length,
    accuracy: 100 * mean(weights, (i) => Number(correct[i])),
    balanced: 100 * mean(uniform, (i) => Number(correct[i])),
    nll: mean(weights, (i) => -Math.log(Math.max(ofLabel[i]!, 1e-300))),
    ece: 100 * (calibrationOf(judged).ece ?? 0),
  };
}

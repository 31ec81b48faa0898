/** Finds the best τ of τ-normalisation on validation images, whose features are computed once for all values. */
import * as torch from '@deit-lt/torch';
import type { ByClass } from '../by-class.js';
import type { Classifier } from '../classifier/classifier.js';
import type { Group } from '../data/groups.js';
import type { LabelledSource } from '../data/prepare-data.js';
import { type EvaluateOptions, evaluate, type OutputLogits } from '../evaluation/evaluate.js';
import { Metrics } from '../evaluation/metrics.js';
import { type ClassifierLayer, classifierInputs, classifierLayers } from '../models/classifier-layers.js';
import { tauNormalized } from '../models/tau-normalize.js';
import { studentOutputs } from '../tasks/student-task.js';

/** Mean of the per-class accuracies, in %. */
export interface TauScore {
  readonly tau: number;
  readonly balanced: number;
}

/** The values of τ that are tried, from 0 (unchanged norms) to 1 (norms of 1). */
export const taus: readonly number[] = Array.from({ length: 21 }, (_, i) => i / 20);

/** Returns the score of every value of `taus` on `split`. Throws the signal's reason when it is aborted. */
export async function scoreTaus(
  classifier: Classifier,
  split: LabelledSource,
  options: { readonly groups: ByClass<Group>; readonly batchSize: number } & Pick<
    EvaluateOptions,
    'onProgress' | 'signal'
  >,
): Promise<TauScore[]> {
  const batches = await featuresOf(classifier, split, options);
  const layers = classifierLayers(classifier.model);
  const scores = taus.map((tau) => {
    const metrics = new Metrics({ groups: options.groups, confusion: false });
    batches.forEach((features, b) => {
      const start = b * options.batchSize;
      const labels = split.labels.subarray(start, start + options.batchSize);
      torch.tidy(() => torch.noGrad(() => metrics.add(logitsOf(layers, features, tau).avg, labels)));
    });
    return { tau, balanced: metrics.result().balanced ?? Number.NaN };
  });
  for (const tensor of batches.flat()) tensor.dispose();
  return scores;
}

/** Returns the input of each layer for each batch; the caller disposes them. */
async function featuresOf(
  { model, placement, pipeline }: Classifier,
  split: LabelledSource,
  options: Parameters<typeof scoreTaus>[2],
): Promise<torch.Tensor[][]> {
  const batches: torch.Tensor[][] = [];
  const layers = classifierLayers(model);
  const logits = (images: torch.Tensor): OutputLogits => {
    const features = placement.autocast(() => classifierInputs(model, images)).map((x) => torch.keep(x.float()));
    batches.push(features);
    return logitsOf(layers, features, 0);
  };
  const outputClasses = options.groups.classNames;
  await evaluate({ ...split, ...options, outputClasses, pipeline, device: placement.device, logits });
  return batches;
}

/** Returns the logits without the bias. */
function logitsOf(layers: readonly ClassifierLayer[], features: readonly torch.Tensor[], tau: number): OutputLogits {
  const [first, second] = layers.map(({ weight }, i) => features[i]!.matmul(tauNormalized(weight, tau).t()));
  return second === undefined ? { avg: first! } : studentOutputs(first!, second);
}

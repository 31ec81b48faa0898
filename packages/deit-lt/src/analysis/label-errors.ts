/** Images of a data set whose label is probably wrong, by the predictions of a trained model. */
import * as torch from '@deit-lt/torch';
import { modelOrder } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { logitScale } from '../classifier/logit-scale.js';
import type { Dataset } from '../data/dataset.js';
import { findLabelIssues } from '../data/label-issues.js';
import { Loader } from '../data/loader.js';
import { openPixels } from '../data/open-pixels.js';
import { UserError } from '../errors.js';
import { nextTurn } from '../next-turn.js';

export interface LabelError {
  readonly split: 'train' | 'test';
  readonly index: number;
  readonly name: string;
  /** Name of its class. */
  readonly label: string;
  /** The class that the model is confident of instead. */
  readonly suggested: string;
  /** Probability of the label by the model. */
  readonly probability: number;
  /** Probability of the suggested class. */
  readonly suggestedProbability: number;
}

export interface LabelErrors {
  /** The model's file. */
  readonly model: string;
  /** Images that were classified. */
  readonly images: number;
  /** Mean over the classes of the share of images whose label is the model's first class, both splits together, in %. */
  readonly agreement: number;
  /** All splits together, the least probable label first. */
  readonly errors: readonly LabelError[];
}

export interface LabelErrorsOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const batchSize = 256;
/** Probabilities of a split are kept until all are known. */
const mostProbabilities = 2 ** 28;

/**
 * Classifies the images of both splits, each of which has its own thresholds. Throws UserError DATA_CLASSES for a model of other
 * classes, and the signal's reason.
 */
export async function findLabelErrors(
  classifier: AnyClassifier,
  dataset: Dataset,
  { onProgress, signal }: LabelErrorsOptions = {},
): Promise<LabelErrors> {
  const order = modelOrder(classifier, dataset.classNames);
  const total = dataset.train.labels.length + (dataset.test?.labels.length ?? 0);
  const errors: LabelError[] = [];
  const agreement = new Agreement();
  let done = 0;
  for (const [split, part] of [
    ['train', dataset.train],
    ['test', dataset.test],
  ] as const) {
    if (part === undefined || part.labels.length === 0) continue;
    const { labels, classNames } = order.labels({ labels: part.labels, classNames: dataset.classNames });
    const probabilities = await probabilitiesOf(classifier, part.images, {
      classes: classNames.length,
      onBatch: (images) => {
        done += images;
        onProgress?.(done, total);
        signal?.throwIfAborted();
      },
    });
    agreement.add(labels, probabilities, classNames);
    for (const issue of findLabelIssues({ labels, probabilities, classes: classNames.length }))
      errors.push({
        split,
        index: issue.index,
        name: part.images.nameOf(issue.index),
        label: classNames[issue.label]!,
        suggested: classNames[issue.suggested]!,
        probability: issue.selfConfidence,
        suggestedProbability: probabilities[issue.index * classNames.length + issue.suggested]!,
      });
  }
  errors.sort((a, b) => a.probability - b.probability);
  return { model: classifier.file, images: total, agreement: agreement.mean(), errors };
}

/** How often the model's first class is the label, by class. */
class Agreement {
  readonly #byClass = new Map<string, { right: number; images: number }>();

  add(labels: ArrayLike<number>, probabilities: Float32Array, classNames: readonly string[]): void {
    const classes = classNames.length;
    for (let i = 0; i < labels.length; i++) {
      const row = probabilities.subarray(i * classes, (i + 1) * classes);
      const label = labels[i]!;
      const [own, name] = [row[label]!, classNames[label]!];
      const tally = this.#byClass.get(name) ?? { right: 0, images: 0 };
      tally.images++;
      if (row.every((other, c) => other < own || (other === own && c >= label))) tally.right++;
      this.#byClass.set(name, tally);
    }
  }

  /** In %. */
  mean(): number {
    const shares = [...this.#byClass.values()].map(({ right, images }) => right / images);
    return (100 * shares.reduce((sum, share) => sum + share, 0)) / shares.length;
  }
}

async function probabilitiesOf(
  classifier: AnyClassifier,
  images: Dataset['train']['images'],
  { classes, onBatch }: { classes: number; onBatch: (images: number) => void },
): Promise<Float32Array> {
  const { length } = images;
  if (length * classes > mostProbabilities)
    throw new UserError(
      'USAGE',
      `--model: ${length} images × ${classes} classes are more than are compared at once (${mostProbabilities}). Inspect a part of the data.`,
    );
  const all = new Float32Array(length * classes);
  const { pipeline, placement } = classifier;
  const scale = logitScale(classifier);
  await using source = openPixels(images);
  const ids = Int32Array.from({ length }, (_, i) => i);
  const labels = new Int32Array(length);
  let at = 0;
  for await (const batch of new Loader({ source, labels, pipeline, ids, batchSize, device: placement.device })) {
    using views = batch;
    const shares = torch.tidy(() =>
      torch.noGrad(() => classifier.logits(views.images).avg.float().mul(scale).softmax(1).toTypedArray<'float32'>()),
    );
    all.set(shares, at);
    at += shares.length;
    onBatch(views.ids.length);
    await nextTurn();
  }
  return all;
}

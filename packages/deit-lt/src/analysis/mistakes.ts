/** The images that a trained model classifies wrongly, with what each of its classifiers predicts. */
import * as torch from '@deit-lt/torch';
import { modelOrder } from '../classifier/class-names.js';
import type { AnyClassifier } from '../classifier/classifier.js';
import { logitScale } from '../classifier/logit-scale.js';
import { Loader } from '../data/loader.js';
import type { LabelledSource } from '../data/prepare-data.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import { opinions, type Ranked } from '../evaluation/ranking.js';
import { nextTurn } from '../next-turn.js';
import type { OutputName } from '../runs/predictions.js';

export interface Mistake {
  /** Index of the image in its split. */
  readonly index: number;
  readonly name: string;
  /** Name of its class. */
  readonly label: string;
  /** The first class of each output, with its probability: `avg` is wrong, CLS or DIST may be right. */
  readonly predictions: Readonly<Partial<Record<OutputName, Ranked>>> & { readonly avg: Ranked };
  /** Half the sum of the absolute differences of the probabilities of CLS and DIST: 0 the same, 1 opposite. Absent without DIST. */
  readonly disagreement?: number;
}

export interface ClassMistakes {
  readonly name: string;
  readonly images: number;
  readonly wrong: number;
}

export interface Mistakes {
  /** Images that were classified. */
  readonly images: number;
  /** Whether the model has CLS and DIST. */
  readonly hasExperts: boolean;
  /** In the order of the model's classes. */
  readonly classes: readonly ClassMistakes[];
  /** Sorted by disagreement, the largest first; without DIST by the probability of the wrong class, the largest first. */
  readonly mistakes: readonly Mistake[];
}

export interface MistakesOptions {
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const batchSize = 256;

/**
 * Classifies the images of a split. Throws UserError DATA_CLASSES for a model of other classes, CHECKPOINT for logits that are not
 * finite, and the signal's reason.
 */
export async function findMistakes(
  classifier: AnyClassifier,
  split: LabelledSource,
  { onProgress, signal }: MistakesOptions = {},
): Promise<Mistakes> {
  const order = modelOrder(classifier, split.classNames);
  const { labels, classNames } = order.labels({ labels: split.labels, classNames: split.classNames });
  const total = labels.length;
  const mistakes: Mistake[] = [];
  let hasExperts = false;
  let done = 0;
  const { pipeline, placement } = classifier;
  const ids = Int32Array.from({ length: total }, (_, i) => i);
  const options = { source: split.source, labels, pipeline, ids, batchSize, device: placement.device };
  for await (using batch of new Loader(options)) {
    const found = predictionsOf(classifier, batch.images, classNames);
    hasExperts ||= found.disagreement !== undefined;
    for (const [i, predictions] of found.predictions.entries()) {
      const index = batch.ids[i]!;
      const label = classNames[labels[index]!]!;
      if (predictions.avg.class === label) continue;
      const disagreement = found.disagreement && { disagreement: found.disagreement[i]! };
      mistakes.push({ index, name: split.nameOf(index), label, predictions, ...disagreement });
    }
    done += batch.ids.length;
    onProgress?.(done, total);
    signal?.throwIfAborted();
    await nextTurn();
  }
  const weight = ({ disagreement, predictions }: Mistake): number => disagreement ?? predictions.avg.probability;
  mistakes.sort((a, b) => weight(b) - weight(a) || a.index - b.index);
  return { images: total, hasExperts, classes: countsOf(labels, classNames, mistakes), mistakes };
}

interface BatchPredictions {
  readonly predictions: readonly Mistake['predictions'][];
  readonly disagreement: Float32Array | undefined;
}

/** For normalised images `[B, 3, S, S]`. */
function predictionsOf(
  classifier: AnyClassifier,
  images: torch.Tensor,
  classNames: readonly string[],
): BatchPredictions {
  return torch.tidy(() => {
    const outputs = torch.noGrad(() => classifier.logits(images));
    const scale = logitScale(classifier);
    const ranked = opinions(outputs, 1, classNames, scale);
    const predictions = ranked.map(({ top, cls, dist }) => ({
      ...(cls && { cls: cls[0]! }),
      ...(dist && { dist: dist[0]! }),
      avg: top[0]!,
    }));
    return { predictions, disagreement: disagreementOf(outputs, scale) };
  });
}

/** The total variation distance of the probabilities `[B, C]` of both experts, image by image. */
function disagreementOf({ cls, dist }: OutputLogits, scale: number): Float32Array | undefined {
  if (cls === undefined || dist === undefined) return undefined;
  const [a, b] = [cls, dist].map((logits) => logits.float().mul(scale).softmax(1));
  return a!.sub(b!).abs().sum(1).div(2).toTypedArray<'float32'>();
}

function countsOf(
  labels: Int32Array,
  classNames: readonly string[],
  mistakes: readonly Mistake[],
): readonly ClassMistakes[] {
  const counts = new Map(classNames.map((name) => [name, { name, images: 0, wrong: 0 }]));
  for (const label of labels) counts.get(classNames[label]!)!.images++;
  for (const { label } of mistakes) counts.get(label)!.wrong++;
  return [...counts.values()];
}

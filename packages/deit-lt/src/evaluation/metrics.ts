/**
 * Accuracies of a classifier on a long-tailed problem, collected batch by batch. Head, mid and tail are means of their
 * classes' accuracies, as in the papers' tables; overall is over images.
 */
import type * as torch from '@deit-lt/torch';
import { type Group, groupNames } from '../data/groups.js';
import { bestClasses } from './best-classes.js';

export interface MetricsOptions {
  /** The group of each class; its length is the number of classes. */
  groups: readonly Group[];
  /** Counts which class was taken for which. Default: for up to 1000 classes. */
  confusion?: boolean;
}

/** All accuracies in per cent, 0 … 100. What has no images is null, and NaN only when there were none at all. */
export interface MetricsResult {
  readonly images: number;
  /** Share of the images. */
  readonly overall: number;
  /** Share of the images whose class is among the 5 best (all of them with fewer classes). */
  readonly top5: number;
  /** Mean of the classes' accuracies. */
  readonly balanced: number | null;
  /** Means over the group's classes that have images. */
  readonly head: number | null;
  readonly mid: number | null;
  readonly tail: number | null;
  readonly perClass: readonly (number | null)[];
  /** Images by true class, then predicted class; absent where it was not counted. */
  readonly confusion?: readonly (readonly number[])[];
  /** Mean of the losses that were given to `add`; absent when none was. */
  readonly loss?: number;
}

/** Classes beyond which a confusion matrix is not read by anybody, and takes more memory than a model. */
const confusionLimit = 1000;

export class Metrics {
  readonly groups: readonly Group[];
  readonly #images: Int32Array;
  readonly #hits: Int32Array;
  readonly #confusion: Int32Array | null;
  #hitsOf5 = 0;
  #lossSum = 0;
  #lossImages = 0;

  constructor({ groups, confusion = groups.length <= confusionLimit }: MetricsOptions) {
    const classes = groups.length;
    this.groups = groups;
    this.#images = new Int32Array(classes);
    this.#hits = new Int32Array(classes);
    this.#confusion = confusion ? new Int32Array(classes * classes) : null;
  }

  /**
   * Counts a batch: logits `[B, C]`, labels of B images, and the batch's mean loss if it is known. Waits for the device.
   * Returns the min(5, C) best classes of each image, as `bestClasses` does. Throws `RangeError` when sizes do not go
   * together or a label is no class.
   */
  add(logits: torch.Tensor, labels: ArrayLike<number>, loss?: number): Int32Array {
    const classes = this.groups.length;
    this.#check(logits.shape, labels);
    const best = Math.min(5, classes);
    const top = bestClasses(logits, best);
    for (let i = 0; i < labels.length; i++) {
      this.#count(labels[i]!, top[i * best]!);
      if (top.subarray(i * best, (i + 1) * best).includes(labels[i]!)) this.#hitsOf5++;
    }
    if (loss !== undefined) {
      this.#lossSum += loss * labels.length;
      this.#lossImages += labels.length;
    }
    return top;
  }

  /** The figures so far. */
  result(): MetricsResult {
    const perClass = Array.from(this.#images, (images, c) => (images === 0 ? null : (100 * this.#hits[c]!) / images));
    const images = sum(this.#images);
    const of = (group: Group): number | null => mean(perClass.filter((_, c) => this.groups[c] === group));
    const [head, mid, tail] = groupNames.map(of);
    return {
      images,
      overall: (100 * sum(this.#hits)) / images,
      top5: (100 * this.#hitsOf5) / images,
      balanced: mean(perClass),
      head: head ?? null,
      mid: mid ?? null,
      tail: tail ?? null,
      perClass,
      ...(this.#confusion !== null && { confusion: this.#rows(this.#confusion) }),
      ...(this.#lossImages > 0 && { loss: this.#lossSum / this.#lossImages }),
    };
  }

  #check(shape: readonly number[], labels: ArrayLike<number>): void {
    const classes = this.groups.length;
    if (shape.length !== 2 || shape[0] !== labels.length || shape[1] !== classes)
      throw new RangeError(
        `Metrics: expected logits [${labels.length}, ${classes}] for ${labels.length} labels of ${classes} classes, got [${shape.join(', ')}]`,
      );
    for (let i = 0; i < labels.length; i++)
      if (!(labels[i]! >= 0 && labels[i]! < classes))
        throw new RangeError(`Metrics: label ${labels[i]} is none of the ${classes} classes`);
  }

  #count(label: number, prediction: number): void {
    this.#images[label]!++;
    if (label === prediction) this.#hits[label]!++;
    if (this.#confusion !== null) this.#confusion[label * this.groups.length + prediction]!++;
  }

  #rows(matrix: Int32Array): number[][] {
    const classes = this.groups.length;
    return this.groups.map((_, c) => Array.from(matrix.subarray(c * classes, (c + 1) * classes)));
  }
}

const sum = (numbers: ArrayLike<number>): number => Array.from(numbers).reduce((a, b) => a + b, 0);

/** Of those that are there; null when none is. */
function mean(numbers: readonly (number | null)[]): number | null {
  const present = numbers.filter((x) => x !== null);
  return present.length === 0 ? null : sum(present) / present.length;
}

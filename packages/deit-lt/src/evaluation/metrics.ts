/** Accuracies of a classifier, collected batch by batch; `class-figures.ts` defines them. */
import * as torch from '@deit-lt/torch';
import { type ByClass, byClass } from '../by-class.js';
import type { Group } from '../data/groups.js';
import { orderedRanks, ranksOf } from './best-classes.js';
import { type ClassFigures, figuresOf } from './class-figures.js';

export interface MetricsOptions {
  /** The group of each class, in the order of the logits' columns. */
  groups: ByClass<Group>;
  /** Counts which class was taken for which. Default: for up to 1000 classes. */
  confusion?: boolean;
}

/** All accuracies in %, 0 … 100. What has no images is null, and NaN only when there were none at all. */
export interface MetricsResult extends ClassFigures {
  /** Share of the images whose class is among the 5 best (all of them with fewer classes). */
  readonly top5: number;
  /** Images by true class, then predicted class; absent where it was not counted. */
  readonly confusion?: readonly (readonly number[])[];
  /** Mean of the losses that were given to `add`; absent when none was. */
  readonly loss?: number;
}

/** Classes beyond which a confusion matrix is not read by anybody, and takes more memory than a model. */
const confusionLimit = 1000;

export class Metrics {
  readonly groups: ByClass<Group>;
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
   * together or a label is not a class.
   */
  add(logits: torch.Tensor, labels: ArrayLike<number>, loss?: number): Int32Array {
    const ranks = torch.tidy(() => this.ranks(logits, labels).toTypedArray<'int32'>());
    return this.addRanks(ranks, labels, loss);
  }

  /** The part of `add` that the device does, without a wait: what `addRanks` needs of a batch. Throws as `add`. */
  ranks(logits: torch.Tensor, labels: ArrayLike<number>): torch.Tensor {
    this.#check(logits.shape, labels);
    return ranksOf(logits, this.#best);
  }

  /** The other part: counts a batch by the values of its `ranks`. Returns what `add` returns. */
  addRanks(ranks: Int32Array, labels: ArrayLike<number>, loss?: number): Int32Array {
    const best = this.#best;
    const top = orderedRanks(ranks, best);
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

  get #best(): number {
    return Math.min(5, this.groups.length);
  }

  /** The figures so far. */
  result(): MetricsResult {
    const { classNames } = this.groups;
    const tallies = { images: byClass(classNames, this.#images), hits: byClass(classNames, this.#hits) };
    const figures = figuresOf(tallies, this.groups);
    return {
      ...figures,
      top5: (100 * this.#hitsOf5) / figures.images,
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
        throw new RangeError(`Metrics: label ${labels[i]} is not one of the ${classes} classes`);
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

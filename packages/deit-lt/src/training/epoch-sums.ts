/** Sums over the batches of an epoch, from which its means are made; a checkpoint within the epoch has them. */
import type { EpochTotals } from '../runs/epoch-totals.js';

/** The loss of a batch and the parts that it is made of, as numbers. */
export interface LossValues {
  readonly loss: number;
  readonly parts: Readonly<Record<string, number>>;
}

/** The means of an epoch; `gradNorm` is absent when no update measured it. */
export interface EpochMeans extends LossValues {
  readonly gradNorm?: number;
}

/** Adds up the images and losses of batches, and the gradient norms of updates. */
export class EpochSums {
  #batches: number;
  #images: number;
  #loss: number;
  readonly #parts: Map<string, number>;
  #gradNorm: number;
  #gradNorms: number;
  readonly #secondsBefore: number;

  private constructor(batches: number, totals: EpochTotals) {
    this.#batches = batches;
    this.#images = totals.images;
    this.#loss = totals.loss;
    this.#parts = new Map(Object.entries(totals.parts));
    this.#gradNorm = totals.gradNorm;
    this.#gradNorms = totals.gradNorms;
    this.#secondsBefore = totals.seconds;
  }

  /** Restores what `save` returned after `batches` batches; null: an epoch that begins. */
  static restore({ batch, sums }: { readonly batch: number; readonly sums: EpochTotals | null }): EpochSums {
    return new EpochSums(batch, sums ?? nothing);
  }

  /** Adds a batch of `images` images. */
  add(images: number, { loss, parts }: LossValues): void {
    this.#batches++;
    this.#images += images;
    this.#loss += loss;
    for (const [name, value] of Object.entries(parts)) this.#parts.set(name, (this.#parts.get(name) ?? 0) + value);
  }

  /** Adds the norm of the gradients of an update; undefined: it was not measured. */
  addGradNorm(norm: number | undefined): void {
    if (norm === undefined) return;
    this.#gradNorm += norm;
    this.#gradNorms++;
  }

  /** Images of all batches. */
  get images(): number {
    return this.#images;
  }

  /** Mean loss of the batches so far. */
  get meanLoss(): number {
    return this.#loss / this.#batches;
  }

  /** Returns the means over the batches so far, and over the updates whose gradients were measured. */
  means(): EpochMeans {
    return {
      loss: this.meanLoss,
      parts: Object.fromEntries([...this.#parts].map(([name, sum]) => [name, sum / this.#batches])),
      ...(this.#gradNorms > 0 && { gradNorm: this.#gradNorm / this.#gradNorms }),
    };
  }

  /** Returns the sums for a checkpoint; `seconds` since the epoch began or was resumed. */
  save(seconds: number): EpochTotals {
    return {
      images: this.#images,
      seconds: this.#secondsBefore + seconds,
      loss: this.#loss,
      parts: Object.fromEntries(this.#parts),
      gradNorm: this.#gradNorm,
      gradNorms: this.#gradNorms,
    };
  }
}

const nothing: EpochTotals = { images: 0, seconds: 0, loss: 0, parts: {}, gradNorm: 0, gradNorms: 0 };

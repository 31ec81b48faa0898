/** The registry's entry of a loss: its name, its options, and how it is made. */
import type { z } from 'zod';
import type { RegistryEntry } from '../registry.js';
import type { Loss, WeightOptions } from './loss.js';

/**
 * One entry of the registry of losses; recipes name it in `teacher.loss` and, if it takes mixed labels,
 * `student.clsLoss`.
 */
export interface LossEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /**
   * Makes the loss for classes with `counts` training images. Deferred re-weighting is the same call once more, with
   * `weights`, a factor for each class; else they are null.
   */
  create(counts: ArrayLike<number>, options: z.output<O> & WeightOptions): Loss;
  /** Whether it takes soft targets `[B, C]` beside labels `[B]`. Default false: only labels. */
  readonly mixedLabels?: boolean;
  /** Whether its logits are cosines, so that the model may have a cosine classifier. Default false. */
  readonly cosine?: boolean;
  /** The factor of the logits before the softmax that gives probabilities. Default 1. */
  logitScale?(options: z.output<O>): number;
}

/** `entry` with the types of its own options checked. */
export function lossEntry<O extends z.ZodObject>(entry: LossEntry<O>): LossEntry {
  return entry as unknown as LossEntry;
}

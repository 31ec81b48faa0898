/** The inputs of a learning-rate schedule: its form, its length and a place in the run. */
import { z } from 'zod';
import { most, rate } from '../option-limits.js';

/** Keys of a recipe's schedule whatever its name: those before its own options, and those after. */
export const scheduleKeys = {
  before: {
    warmupEpochs: z.number().nonnegative().max(most.epochs).describe('below 1 a share of the epochs'),
    warmupLr: rate.describe('learning rate at the beginning of the warm-up'),
  },
  after: {
    stepping: z
      .enum(['update', 'epoch', 'published', 'published-paco'])
      .describe('when it changes: with every update, with every epoch, or as the published code (of PaCo) does'),
  },
};

/** A recipe's `schedule`: its name, the keys that all have, and its own options; those of the built-in ones have their types. */
export interface ScheduleConfig {
  name: string;
  /** Length of the linear warm-up, before everything else. */
  warmupEpochs: number;
  /** Learning rate at the beginning of the warm-up. */
  warmupLr: number;
  /** `update`: changes with every update; `epoch`: with every epoch; the others: as in the published code (of PaCo). */
  stepping: 'update' | 'epoch' | 'published' | 'published-paco';
  /** Cosine and one-cycle: reached at the end. */
  minLr?: number;
  /** Cosine: epochs at `minLr` after the last one. */
  cooldownEpochs?: number;
  /** Step: at the beginning of these epochs (from 0) … */
  milestones?: readonly number[];
  /** … the learning rate becomes the base one times these. */
  factors?: readonly number[];
  [option: string]: unknown;
}

/** The range that the schedule spans. */
export interface ScheduleSpan {
  /** The base learning rate, after any scaling by the batch. */
  readonly lr: number;
  /** Epochs without the cooldown. */
  readonly epochs: number;
}

/** The current place of the loop. */
export interface Place {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Batch within the epoch, from 0. */
  readonly batch: number;
  /** Batches of an epoch. */
  readonly batches: number;
  /** Batches of an update. Default 1. */
  readonly accumulation?: number;
}

/** The inputs of a learning-rate schedule: its form, its length and a place in the run. */

/** A recipe's `schedule`. */
export interface ScheduleConfig {
  readonly name: 'cosine' | 'step' | 'one-cycle' | 'constant';
  /** Length of the linear warm-up, before everything else. */
  readonly warmupEpochs: number;
  /** Learning rate at the beginning of the warm-up. */
  readonly warmupLr: number;
  /** Cosine and one-cycle: reached at the end. */
  readonly minLr: number;
  /** Epochs at `minLr` after the last one. */
  readonly cooldownEpochs: number;
  /** Step: at the beginning of these epochs (from 0) … */
  readonly milestones: readonly number[];
  /** … the learning rate becomes the base one times these. */
  readonly factors: readonly number[];
  /** `update`: changes with every update; `epoch`: with every epoch; the others: as in the published code (of PaCo). */
  readonly stepping: 'update' | 'epoch' | 'published' | 'published-paco';
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

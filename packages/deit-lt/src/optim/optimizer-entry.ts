/** An entry of the registry of optimizers: its name, its options, and how it is made. */
import type * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { count, most, positive, rate } from '../option-limits.js';
import type { RegistryEntry } from '../registry.js';

/** An optimizer whose learning rate a schedule sets, group by group. */
export type ScheduledOptimizer = torch.optim.Optimizer<{ lr?: number }>;

/** The parameters that an optimizer trains: a module, or the parameters that a task learns. */
export interface Learning {
  namedParameters(): torch.nn.NamedTensors<torch.nn.Parameter>;
}

/** Options that every optimizer receives beside its own. */
export interface CommonOptimizerOptions {
  /** The learning rate before any schedule. */
  readonly lr: number;
  readonly weightDecay: number;
}

/** One entry of the registry of optimizers; recipes name it in `teacher.optimizer` and `student.optimizer`. */
export interface OptimizerEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /** Makes the optimizer of all parameters of `learning` that are trained. */
  create(learning: Learning, options: z.output<O> & CommonOptimizerOptions): ScheduledOptimizer;
  /** Learning rate, scaled to the batch, above which a training rarely converges: a warning says so. Default: none. */
  readonly unusualRate?: number;
  /** How many numbers it keeps for each weight, to estimate the size of a checkpoint. Default 2. */
  readonly numbersPerWeight?: number;
}

/** `entry` with the types of its own options checked. */
export function optimizerEntry<O extends z.ZodObject>(entry: OptimizerEntry<O>): OptimizerEntry {
  return entry as unknown as OptimizerEntry;
}

/** Keys of a recipe's optimizer whatever its name: those before its own options, and those after. */
export const optimizerKeys = {
  before: {
    lr: positive.max(most.rate).describe('learning rate; for a reference batch when lrPer is set'),
    lrPer: count
      .max(most.batch)
      .nullable()
      .describe('batch that lr is for: it is scaled by (effective batch)/lrPer; null: used as it is'),
    lrRule: z
      .enum(['effective', 'published'])
      .describe('effective: batch × shards × accumulation; published: batch × shards, without accumulation'),
    weightDecay: rate,
  },
  after: { clipGradNorm: positive.nullable().describe('largest norm of all gradients; null: no limit') },
};

/** A recipe's optimizer: its name, the keys that all have, and its own options. */
export interface OptimizerChoice {
  name: string;
  lr: number;
  lrPer: number | null;
  lrRule: 'effective' | 'published';
  weightDecay: number;
  clipGradNorm: number | null;
  [option: string]: unknown;
}

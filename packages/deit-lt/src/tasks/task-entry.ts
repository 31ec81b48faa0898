/** The registry's entry of a teacher's task: its name, its options, and how it is made. */
import type * as torch from '@deit-lt/torch';
import type { z } from 'zod';
import type { AugmentConfig } from '../augment/registry.js';
import type { ByClass } from '../by-class.js';
import type { RegistryEntry } from '../registry.js';
import type { Task } from './task.js';

/** The inputs that a task is made from. */
export interface TaskContext {
  /** The network that is trained and predicts, on its device. */
  readonly model: torch.nn.Module<[torch.Tensor], torch.Tensor>;
  /** Returns another network of the same kind with random weights, on the same device. */
  another(): torch.nn.AnyModule;
  /** Training images of each class. */
  readonly trainCounts: ByClass<number>;
  readonly device: string;
  /** Epochs of the whole training, cooldown included. */
  readonly epochs: number;
  /** Deferred re-weighting as the recipe has it. */
  readonly drw: { readonly epoch: number | null; readonly beta: number };
}

/**
 * A way to train a teacher that needs more than a loss of logits and labels: other views, parts beside the network,
 * partners. Recipes name it in `teacher.loss`, as they name a loss.
 */
export interface TaskEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /** Throws `UserError` for a model that is not fit for it (RECIPE), or for classes without images (DATA_CLASSES). */
  create(context: TaskContext, options: z.output<O>): Task;
  /** The augmentations of the further views of each image, beside `first`. Default: there are none. */
  views?(options: z.output<O>, first: AugmentConfig): readonly AugmentConfig[];
  /** Whether it balances the classes by itself, so that `teacher.drw` must be off. Default false. */
  readonly balances?: boolean;
  /** Whether it learns features, so that `teacher.learn: classifier` is refused. Default false. */
  readonly learnsFeatures?: boolean;
  /**
   * Whether its loss or its state (a queue, a momentum encoder) is of all images of an update together and it has no
   * `prepareShards`, so that `teacher.shards` must be 1. Default false.
   */
  readonly wholeBatch?: boolean;
  /** Whether the model may have a cosine classifier. Default false. */
  readonly cosine?: boolean;
  /** The factor of the logits before the softmax that gives probabilities. Default 1. */
  logitScale?(options: z.output<O>): number;
  /** The options of a training that takes seconds, for `--budget small`. Default: the same. */
  small?(options: z.output<O>): z.output<O>;
}

/** `entry` with the types of its own options checked. */
export function taskEntry<O extends z.ZodObject>(entry: TaskEntry<O>): TaskEntry {
  return entry as unknown as TaskEntry;
}

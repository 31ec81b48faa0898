/** The options and the result of a training. */
import type { AugmentConfig } from '../augment/registry.js';
import type { Dataset } from '../data/dataset.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import type { Reporter } from '../runs/reporter.js';
import type { OwnTask } from '../tasks/create-teacher-task.js';
import type { Task } from '../tasks/task.js';
import type { TaskContext } from '../tasks/task-entry.js';
import type { Processes } from './processes.js';

export interface TrainOptions {
  /** The data set as opened; the long tail and the validation split are made from the recipe. */
  readonly dataset: Dataset;
  readonly recipe: Recipe;
  /** The recipe before values were changed: messages advise its values. Default: none is advised. */
  readonly baseRecipe?: Recipe | undefined;
  /** Halves batches that do not fit into memory, and takes as many more of them for each update. Default false. */
  readonly fitMemory?: boolean;
  /** The run folder. Must be new or empty, unless `resume` is set. */
  readonly folder: string;
  /** Resumes the run in `folder`; a finished run is not changed. Default false. */
  readonly resume?: boolean;
  readonly reporter?: Reporter;
  /** Aborting saves a checkpoint and throws UserError INTERRUPTED. */
  readonly signal?: AbortSignal;
  /**
   * Seconds between two checkpoints `last`, at the ends of epochs and inside of them; 0 saves after each update.
   * Default 20. A large state waits longer, so that saving takes at most a twentieth of the time.
   */
  readonly saveEverySeconds?: number;
  /** The run folder or checkpoint with the initial weights of the training of one model. Default: random ones. */
  readonly from?: string;
  /** The processes that train together, each with its part of the shards. Default: this one alone. */
  readonly processes?: Processes;
  /** Words of the command line, for config.json and for messages that say how to resume. */
  readonly command?: readonly string[];
}

/** A task of your own for `trainTask`. */
export interface TrainTaskOptions extends Omit<TrainOptions, 'command'> {
  /** The name of the task in `config.json`; a run is resumed only with the same one. */
  readonly name: string;
  /** Makes the task of the network, its device and the counts of the training images. */
  readonly create: (context: TaskContext) => Task;
  /** Augmentations of the further views of each image, which come as `batch.more`. Default: there are none. */
  readonly views?: readonly AugmentConfig[];
  /** Factor of the logits before the softmax that gives probabilities. Default 1. */
  readonly logitScale?: number;
}

export interface TrainResult {
  readonly folder: string;
  /** The recipe of the run; with `fitMemory` its batches may be smaller than those of the given one. */
  readonly recipe: Recipe;
  /** Result of the best checkpoint on the test split, or on the validation split when there is no test split. */
  readonly evaluation: EvaluationResult | undefined;
}

/** The part of the recipe that is trained, and the teacher's run folder or checkpoint. */
export interface Plan {
  readonly recipe: TrainingRecipe;
  readonly teacher: string | null;
  /** The task in place of the recipe's loss. */
  readonly own?: OwnPlan;
}

/** A task of the caller's own, complete. */
export interface OwnPlan extends OwnTask {
  readonly views: readonly AugmentConfig[];
  readonly logitScale: number;
}

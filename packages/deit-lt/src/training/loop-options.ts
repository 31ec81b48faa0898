/** The inputs of the training loop: what is trained, on what, and where it is kept. */
import type * as torch from '@deit-lt/torch';
import type { Pipeline } from '../augment/transform.js';
import type { TrainingData } from '../data/prepare-data.js';
import type { Ema } from '../optim/ema.js';
import type { Placement } from '../recipe/device.js';
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import type { Reporter } from '../runs/reporter.js';
import type { RunConfig, RunFolder } from '../runs/run-folder.js';
import type { Task } from '../tasks/task.js';
import type { PassRunner } from './capturable-pass.js';
import type { Processes } from './processes.js';
import type { SamPlan } from './step.js';

export interface LoopOptions {
  readonly task: Task;
  readonly recipe: TrainingRecipe;
  /** The learning rate of the recipe before it was changed, where that is known. */
  readonly baseRate?: number | undefined;
  readonly seed: number;
  readonly evaluation: RunConfig['recipe']['evaluation'];
  readonly data: TrainingData;
  readonly pipelines: { readonly train: Pipeline; readonly eval: Pipeline };
  readonly placement: Placement;
  readonly optimizer: torch.optim.Optimizer<{ lr?: number }>;
  /** Sharpness-aware minimisation around the optimizer, and its radius by epoch. */
  readonly sam?: SamPlan;
  readonly ema: Ema | undefined;
  /** The scale of losses in float16. */
  readonly scaler?: torch.amp.GradScaler | undefined;
  readonly run: RunFolder;
  readonly config: RunConfig;
  /** Words of the command that messages suggest for resuming. */
  readonly command: readonly string[];
  readonly resume: boolean;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  readonly processes: Processes;
  /**
   * Least time between two checkpoints `last` in seconds, at the ends of epochs and inside of them. Default 20. A large
   * state waits longer, so that saving takes at most a twentieth of the time.
   */
  readonly saveEverySeconds?: number;
  /** Whether a card captures passes and replays them, see captured-passes.ts. Default false. */
  readonly cudaGraphs?: Recipe['cudaGraphs'];
}

/** The inputs of the batches of an epoch and of their passes. */
export interface StepOptions
  extends Pick<LoopOptions, 'task' | 'recipe' | 'seed' | 'data' | 'pipelines' | 'placement' | 'processes' | 'scaler'> {
  /** Captures passes and replays them; absent: all passes run kernel by kernel. */
  readonly captured?: PassRunner | undefined;
}

/** The interface that the loop trains: a model joined with its loss. The loop does not know that a task distils. */
import type * as torch from '@deit-lt/torch';
import type { Batch } from '../data/loader.js';
import type { Sampler } from '../data/samplers/sampler.js';
import type { EvaluationOutputs } from '../evaluation/evaluate.js';
import type { RandomStream } from '../random/stream.js';
import type { TrainingKind } from '../recipe/training-kind.js';

/** A loss and the parts it is made of, as scalars of the batch. */
export interface LossParts {
  readonly loss: torch.Tensor;
  readonly parts: Readonly<Record<string, torch.Tensor>>;
}

export interface TaskBatch {
  /** Augmented and normalised, `[B, 3, S, S]`. */
  readonly images: torch.Tensor;
  /** The further views of the pipeline, if it has any. */
  readonly more?: readonly torch.Tensor[];
  readonly labels: Int32Array;
  /** The same number of other images, in the same views, for a task that has `partners`. */
  readonly partners?: Pick<Batch, 'images' | 'more' | 'labels'>;
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Draws what is drawn once for the whole batch, such as Mixup's λ. */
  readonly random: RandomStream;
}

/** The purpose of a pass through the network: the gradient of the update, or of SAM's ascent. */
export type Pass = 'step' | 'climb';

/** A batch as it goes through the network; SAM goes through it twice, to climb and for the step. */
export interface PreparedBatch {
  /** Returns the loss of the current weights. Default: for the step. */
  loss(pass?: Pass): LossParts;
  /** The same as a function of tensors, where its kernels are the same from batch to batch; absent where they are not. */
  readonly steady?: SteadyLoss;
}

/** A loss whose kernels depend on nothing but the shapes of its inputs, so that a card can capture them. */
export interface SteadyLoss {
  /** Changes with the kernels: in the phase of re-weighting, for example. */
  readonly key: string;
  readonly inputs: readonly torch.Tensor[];
  /** Returns the loss of `inputs`, or of others of the same shapes. Reads no values, and copies nothing to the device after the first call. */
  loss(inputs: readonly torch.Tensor[], pass?: Pass): LossParts;
}

/** The batches of one update side by side: one of each shard, of which this process has some. */
export interface ShardedBatch {
  /** Shards of all processes; their batches have as many images each. */
  readonly shards: number;
  /** Those of this process, in their order. */
  readonly own: readonly { readonly shard: number; readonly batch: TaskBatch }[];
  /** Draws what is drawn once for all shards: the same in all processes. */
  readonly random: RandomStream;
  /** Runs `body` with the random draws and the batch-norm statistics of the `i`-th shard of this process. */
  run<R>(i: number, body: () => R): R;
  /** Returns the tensors of all shards in their order, of one tensor for each of `own`. All have one shape and dtype. */
  gather(tensors: readonly torch.Tensor[]): torch.Tensor[];
}

/** The batches of `ShardedBatch.own`, prepared together. */
export interface PreparedShards {
  readonly batches: readonly PreparedBatch[];
  /** Runs after the first pass of all shards, in all processes: for what the passes leave behind. */
  afterFirstPass?(): void;
}

export interface Task {
  readonly kind: TrainingKind;
  readonly model: torch.nn.Module<[torch.Tensor], unknown>;
  /**
   * A module that only the training needs, such as a head, a momentum encoder or a queue. It is trained where its
   * parameters require a gradient, and is in the checkpoint `last`; evaluation and `best` do without it.
   */
  readonly companion?: torch.nn.AnyModule;
  /** First epoch of deferred re-weighting, or null. */
  readonly drwEpoch: number | null;
  /**
   * Draws the images that come beside each batch as `TaskBatch.partners`, as many as the data has. Absent: there are
   * none.
   */
  readonly partners?: Sampler;
  /** Mixes the batch and computes the teacher's logits, without gradients. The tensors belong to the open scope. */
  prepare(batch: TaskBatch): PreparedBatch;
  /**
   * Takes the place of `prepare` in a training in shards, for a task with state of the images of all shards, such as a queue:
   * the state must come from all of them, in the order of the shards, so that it is the same for any number of processes.
   */
  prepareShards?(sharded: ShardedBatch): PreparedShards;
  /** Logits of the model in evaluation mode. */
  logits(images: torch.Tensor): EvaluationOutputs;
}

type Modules = Pick<Task, 'model' | 'companion'>;

/** The modules that are trained. */
export function learningModules({ model, companion }: Modules): torch.nn.AnyModule[] {
  return companion === undefined ? [model] : [model, companion];
}

/**
 * Returns the trained parameters by name: those that require a gradient, the model's first, then those of its
 * companion.
 */
export function learningParameters({ model, companion }: Modules): torch.nn.NamedTensors<torch.nn.Parameter> {
  const beside = companion?.namedParameters('companion') ?? [];
  return [...model.namedParameters(), ...beside].filter(([, parameter]) => parameter.requiresGrad);
}

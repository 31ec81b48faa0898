/**
 * Forward and backward passes of one batch, one shard after the other. Shards are virtual processes: each has images, random
 * draws and batch-norm statistics of its own, so that the result does not depend on how many real processes share them.
 */
import * as torch from '@deit-lt/torch';
import { withFrozenBatchNormStatistics } from '../optim/batch-norm-statistics.js';
import { stream } from '../random/stream.js';
import {
  type LossParts,
  learningModules,
  type Pass,
  type PreparedBatch,
  type PreparedShards,
  type ShardedBatch,
  type TaskBatch,
} from '../tasks/task.js';
import type { ShardBatches } from './epoch-batches.js';
import type { StepOptions } from './loop-options.js';
import type { ShardGradients } from './shard-gradients.js';
import { backward } from './step.js';

interface Place {
  readonly epoch: number;
  readonly batch: number;
  /** The epoch of the schedules. */
  readonly scheduled: number;
  /** Whether an update follows. Default true. */
  readonly isLast?: boolean;
}

interface ShardPlace extends Place {
  readonly shard: number;
  /** From 0; SAM has two. */
  readonly pass: number;
}

/**
 * Returns a function that runs one pass over the shards of this process and returns their losses; the gradients of all
 * shards are in the parameters or in `gradients`. Its tensors belong to the open scope.
 */
export function shardPasses(
  options: StepOptions,
  { shards }: ShardBatches,
  gradients: ShardGradients,
  place: Place,
): (pass: Pass) => LossParts[] {
  const { task, placement, recipe } = options;
  const own = shards.map(({ shard, batch }) => ({ shard, batch: taskBatch(options, batch, { ...place, shard }) }));
  const prepared: PreparedBatch[] = [];
  let together: PreparedShards | undefined;
  let passes = 0;
  return (pass) => {
    const number = passes++;
    if (number === 0 && recipe.shards > 1 && task.prepareShards !== undefined) {
      const sharded = shardedBatch(options, own, place);
      together = placement.autocast(() => task.prepareShards?.(sharded));
      prepared.push(...(together?.batches ?? []));
    }
    const losses = own.map(({ shard, batch }, i) =>
      inShard(options, { ...place, shard, pass: number }, () => {
        prepared[i] ??= placement.autocast(() => task.prepare(batch));
        gradients.expect(i, { isLast: place.isLast ?? true });
        const losses = onePass(options, prepared[i]!, pass, { shard, number });
        gradients.take(i);
        return losses;
      }),
    );
    if (number === 0) together?.afterFirstPass?.();
    seedShard(options, { ...place, shard: 0, pass: number }); // checkpoints have the same state for any number of processes
    return losses;
  };
}

/** A forward and a backward pass. Batch norms record nothing in the passes of other shards, and SAM's second pass: those have other kernels. */
function onePass(
  { placement, recipe, scaler, captured }: StepOptions,
  prepared: PreparedBatch,
  pass: Pass,
  { shard, number }: { readonly shard: number; readonly number: number },
): LossParts {
  const run = (loss: () => LossParts): LossParts =>
    backward(() => placement.autocast(loss), recipe.accumulation * recipe.shards, scaler);
  const eager = (): LossParts => run(() => prepared.loss(pass));
  if (captured === undefined) return eager();
  const { steady } = prepared;
  if (steady === undefined) return captured.refuse(eager);
  const { key, inputs, loss } = steady;
  const kernels = [key, pass, number, shard === 0].join(' ');
  return captured.run({ kernels, inputs, eager, pass: (fixed) => run(() => loss(fixed, pass)) });
}

/** The batch of a shard as its task takes it: draws by its place, losses by the epoch of the schedules. */
function taskBatch(
  { seed, recipe: { shards } }: StepOptions,
  batch: Omit<TaskBatch, 'epoch' | 'random'>,
  { epoch, batch: index, scheduled, shard }: Omit<ShardPlace, 'pass'>,
): TaskBatch {
  return { ...batch, epoch: scheduled, random: stream(seed, 'mix', epoch, index * shards + shard) };
}

/** The batches of the shards of this process, for a task that prepares them together. */
function shardedBatch(options: StepOptions, own: ShardedBatch['own'], place: Place): ShardedBatch {
  const { seed, recipe, processes } = options;
  return {
    shards: recipe.shards,
    own,
    random: stream(seed, 'update', place.epoch, place.batch),
    run: (i, body) => inShard(options, { ...place, shard: own[i]!.shard, pass: 0 }, body),
    gather: (tensors) =>
      processes.count === 1
        ? [...tensors]
        : processes.gather(torch.stack(tensors, 0)).flatMap((rows) => rows.unbind(0)),
  };
}

/**
 * Runs `body` with the draws of a shard. The running statistics of batch norms are those of shard 0, as with PyTorch's
 * DistributedDataParallel, whose other processes take those of the first.
 */
function inShard<R>(options: StepOptions, place: ShardPlace, body: () => R): R {
  const { shard } = place;
  seedShard(options, place);
  return shard === 0 ? body() : withFrozenBatchNormStatistics(learningModules(options.task), body);
}

/** Without shards there is one stream of draws for the whole training, which checkpoints save. */
function seedShard({ recipe: { shards }, seed }: StepOptions, { epoch, batch, shard, pass }: ShardPlace): void {
  if (shards > 1) torch.manualSeed(stream(seed, 'shard', epoch, (batch * shards + shard) * 2 + pass).uint32());
}

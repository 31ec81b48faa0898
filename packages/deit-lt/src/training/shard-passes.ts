/**
 * Forward and backward passes of one batch, one shard after the other. Shards are virtual processes: each has images, random
 * draws and batch-norm statistics of its own, so that the result does not depend on how many real processes share them.
 */
import * as torch from '@deit-lt/torch';
import { withFrozenBatchNormStatistics } from '../optim/batch-norm-statistics.js';
import { stream } from '../random/stream.js';
import { type LossParts, learningModules, type Pass, type PreparedBatch } from '../tasks/task.js';
import type { ShardBatches } from './epoch-batches.js';
import type { LoopOptions } from './loop-options.js';
import type { ShardGradients } from './shard-gradients.js';
import { backward } from './step.js';

interface Place {
  readonly epoch: number;
  readonly batch: number;
  /** The epoch of the schedules. */
  readonly scheduled: number;
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
  options: LoopOptions,
  { shards }: ShardBatches,
  gradients: ShardGradients,
  place: Place,
): (pass: Pass) => LossParts[] {
  const { task, placement, recipe } = options;
  const prepared: PreparedBatch[] = [];
  let passes = 0;
  return (pass) => {
    const number = passes++;
    const losses = shards.map(({ shard, batch }, i) =>
      inShard(options, { ...place, shard, pass: number }, () => {
        const random = stream(options.seed, 'mix', place.epoch, place.batch * recipe.shards + shard);
        prepared[i] ??= placement.autocast(() => task.prepare({ ...batch, epoch: place.scheduled, random }));
        const forward = (): LossParts => placement.autocast(() => prepared[i]!.loss(pass));
        const losses = backward(forward, recipe.accumulation * recipe.shards);
        gradients.take(i);
        return losses;
      }),
    );
    seedShard(options, { ...place, shard: 0, pass: number }); // checkpoints have the same state for any number of processes
    return losses;
  };
}

/**
 * Runs `body` with the draws of a shard. The running statistics of batch norms are those of shard 0, as with PyTorch's
 * DistributedDataParallel, whose other processes take those of the first.
 */
function inShard<R>(options: LoopOptions, place: ShardPlace, body: () => R): R {
  const { shard } = place;
  seedShard(options, place);
  return shard === 0 ? body() : withFrozenBatchNormStatistics(learningModules(options.task), body);
}

/** Without shards there is one stream of draws for the whole training, which checkpoints save. */
function seedShard({ recipe: { shards }, seed }: LoopOptions, { epoch, batch, shard, pass }: ShardPlace): void {
  if (shards > 1) torch.manualSeed(stream(seed, 'shard', epoch, (batch * shards + shard) * 2 + pass).uint32());
}

/** Whether the processes of a training can share it. */
import { UserError } from '../errors.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import type { PartName } from '../recipe/training-kind.js';
import type { Processes } from './processes.js';

/** Throws UserError RECIPE when the processes cannot share the training. */
export function checkProcesses(
  part: PartName,
  { shards, syncBatchNorm, batchSize }: TrainingRecipe,
  { count }: Processes,
): void {
  if (shards % count !== 0)
    throw new UserError(
      'RECIPE',
      `${part}.shards is ${shards}, which ${count} processes cannot share: each takes as many shards as the others. Set ${part}.shards=${count} or a multiple of it; ${part}.batchSize is the batch of one shard, so that an update has shards × batchSize images.`,
    );
  if (syncBatchNorm && shards !== count)
    throw new UserError(
      'RECIPE',
      `${part}.syncBatchNorm needs a process for each shard, whose layers then wait for each other: ${part}.shards is ${shards}, and this is a training in ${count} ${count === 1 ? 'process' : 'processes'}. Use --procs ${shards}; or in one process the same statistics without it: --set ${part}.syncBatchNorm=false ${part}.shards=1 ${part}.batchSize=${shards * batchSize}.`,
    );
}

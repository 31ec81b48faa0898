/** The processes that train together: all do the same updates, each on its own shards. */
import type * as torch from '@deit-lt/torch';

export interface Processes {
  /** Number of this process, from 0. The first one alone writes files and reports. */
  readonly rank: number;
  readonly count: number;
  /** Returns the `tensor` of each process, in their order. All processes call it, with tensors of one shape. */
  gather(tensor: torch.Tensor): torch.Tensor[];
}

/** A training in one process. */
export const alone: Processes = { rank: 0, count: 1, gather: (tensor) => [tensor] };

/**
 * Returns the shards of a process: a block of `shards / count`, so that the shards of all processes in their order are
 * 0 … shards − 1.
 */
export function ownShards(shards: number, { rank, count }: Pick<Processes, 'rank' | 'count'>): number[] {
  const each = shards / count;
  if (!Number.isInteger(each)) throw new Error(`internal: ${shards} shards for ${count} processes`);
  return Array.from({ length: each }, (_, i) => rank * each + i);
}

/** The processes that train together: all do the same updates, each on its own shards. */
import type * as torch from '@deit-lt/torch';
import { orderedSum } from './ordered-sum.js';

export interface Processes {
  /** Number of this process, from 0. The first one alone writes files and reports. */
  readonly rank: number;
  readonly count: number;
  /** Number of this process on its machine, from 0. */
  readonly local: number;
  /** The CUDA device that this process has for itself, by its number, or why it has none. */
  readonly card: number | { readonly reason: string };
  /** Resolves when all processes have called it, without blocking the event loop. */
  meet(): Promise<void>;
  /** Returns the `tensor` of each process, in their order. All processes call it, with tensors of one shape. */
  gather(tensor: torch.Tensor): torch.Tensor[];
  /**
   * Returns the sum of the rows of all processes, `[shards, numel]` → `[numel]`, added in their order: the same bits whatever the number of
   * processes. All processes call it, with tensors of one shape; `numel` is a multiple of the number of processes.
   */
  addRows(rows: torch.Tensor): torch.Tensor;
  /** Bytes of the buckets in which gradients travel during the backward pass; absent: in one piece after it. */
  readonly bucketBytes?: number | undefined;
  /**
   * Sends `rows` while the next backward pass puts its gradients into one of them; the returned function gives their sum, as `addRows`.
   * All processes call it.
   */
  addDuringBackward?(rows: torch.distributed.BackwardExchangeOptions): () => torch.Tensor;
  /** Returns whether `value` is true in any process. All processes call it. */
  any(value: boolean): boolean;
  /** Replaces the values of `tensors` by those of the first process. All processes call it, with tensors of the same shapes. */
  spread(tensors: readonly torch.Tensor[]): void;
  /** Returns the `value` of each process, as JSON, in their order. All processes call it. */
  exchange<T>(value: T): T[];
  /**
   * Runs `work` in the first process while the others wait; resolves to its value, as JSON, in all of them. When it
   * fails, the first process throws its error, and the others a `LeaderFailed`.
   */
  lead<T>(work: () => T | Promise<T>): Promise<T>;
}

/** A training in one process. */
export const alone: Processes = {
  rank: 0,
  count: 1,
  local: 0,
  card: { reason: 'it trains alone' },
  addRows: orderedSum,
  meet: async () => {},
  gather: (tensor) => [tensor],
  any: (value) => value,
  spread: () => {},
  exchange: (value) => [value],
  lead: async (work) => work(),
};

/** Thrown in the other processes when the work of the first one failed, which reports its error itself. */
export class LeaderFailed extends Error {
  override name = 'LeaderFailed';
  constructor(readonly exitCode: number) {
    super('the work of the first process failed');
  }
}

/**
 * Returns the shards of a process: a block of `shards / count`, so that the shards of all processes in their order are
 * 0 … shards − 1.
 */
export function ownShards(shards: number, { rank, count }: Pick<Processes, 'rank' | 'count'>): number[] {
  const each = shards / count;
  if (!Number.isInteger(each)) throw new Error(`internal: ${shards} shards for ${count} processes`);
  return Array.from({ length: each }, (_, i) => rank * each + i);
}

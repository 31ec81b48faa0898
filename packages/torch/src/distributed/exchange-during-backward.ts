/** Sends gradients while the backward pass runs, as DistributedDataParallel does. */
import { requireOperator } from '../binding/operator.js';
import { TorchError } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';
import { currentGroup } from './current-group.js';
import { Work } from './work.js';

/** Options of `exchangeDuringBackward`. */
export interface BackwardExchangeOptions {
  /** Leaves whose gradients are sent, in one order on all processes. */
  readonly parameters: readonly Tensor[];
  /** For each parameter: where its gradient begins in a row, where the number of its gradients stands, and its bucket. */
  readonly places: readonly { readonly offset: number; readonly count: number; readonly bucket: number }[];
  /** Parts of the rows that are sent together, in their order; each length is a multiple of the number of processes. */
  readonly buckets: readonly { readonly offset: number; readonly length: number }[];
  /** `[rows, numel]` in float32; the gradients become one row. */
  readonly rows: Tensor;
  /** The row of this backward pass. The others are sent as they are. */
  readonly row: number;
  /** Add to the row instead of replacing it. Default false. */
  readonly adds?: boolean;
}

/** The buckets that this process received: of each process the part with this one's number, `[worldSize, rows, length / worldSize]`. */
export interface BackwardExchange {
  /** Sends what is left, zeros for parameters without a gradient, and returns the buckets: each is there when its work is done. */
  finish(): { readonly received: Tensor; readonly work: Work }[];
}

/**
 * Begins to exchange the gradients of the next backward pass: each bucket travels to all processes, as by `allToAllSingle`, as soon as
 * its parameters have their gradients. All processes call it before the same backward pass, and `finish()` after it. Throws `TorchError`
 * (`DISTRIBUTED`) without a group.
 */
export function exchangeDuringBackward(options: BackwardExchangeOptions): BackwardExchange {
  const where = 'exchangeDuringBackward()';
  const { parameters, places, buckets, rows, row, adds = false } = options;
  const group = currentGroup(where);
  if (places.length !== parameters.length || buckets.some(({ length }) => length % group.worldSize !== 0))
    throw new TorchError(
      'ARGUMENT',
      `${where}: there must be a place for each of the ${parameters.length} parameters, and lengths of buckets that are multiples of ${group.worldSize}, the number of processes`,
    );
  const sending = requireOperator('bridge::c10d_overlap_begin')(
    ...[group.id, group.worldSize, parameters],
    places.flatMap(({ offset, count, bucket }) => [offset, count, bucket]),
    buckets.flatMap(({ offset, length }) => [offset, length]),
    ...[rows, row, adds],
  );
  return {
    finish: () => {
      const [received, works] = requireOperator('bridge::c10d_overlap_finish')(sending) as [Tensor[], number[]];
      return received.map((tensor, i) => ({ received: tensor, work: new Work(works[i]!, where, group) }));
    },
  };
}

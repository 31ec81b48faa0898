/** Reads the losses of a batch from the device. */
import * as torch from '@deit-lt/torch';
import type { LossParts } from '../tasks/task.js';
import type { LossValues } from './epoch-sums.js';
import type { LoopOptions } from './loop-options.js';
import { notFinite } from './not-finite.js';
import type { Processes } from './processes.js';

/**
 * Returns the means over all shards of the `losses` of those of this process. Throws UserError NOT_FINITE when the loss of
 * a shard is not finite, in all processes; parts of a loss may be so.
 */
export function finiteLosses(
  losses: readonly LossParts[],
  options: LoopOptions,
  { epoch, batch }: { readonly epoch: number; readonly batch: number },
): LossValues {
  const names = Object.keys(losses[0]!.parts);
  const own = losses.map(({ loss, parts }) => numbersOf([loss, ...Object.values(parts)]));
  const [value, ...more] = meansOf(ofAllShards(own, options.processes)) as [number, ...number[]];
  if (!Number.isFinite(value))
    throw notFinite(
      options,
      `the loss of the ${options.task.kind} became ${value} in epoch ${epoch + 1}, batch ${batch + 1}`,
    );
  return { loss: value, parts: Object.fromEntries(names.map((name, i) => [name, more[i]!])) };
}

/** The numbers of the shards of all processes, in their order. */
function ofAllShards(own: readonly number[][], processes: Processes): readonly number[][] {
  if (processes.count === 1) return own;
  return torch.tidy(() =>
    processes
      .gather(torch.tensor(own as number[][], { dtype: 'float64' }))
      .flatMap((rows) => rows.toArray() as number[][]),
  );
}

/** The mean of each column; of one row the row itself. */
function meansOf([first = [], ...others]: readonly number[][]): number[] {
  return first.map((value, i) => others.reduce((sum, row) => sum + row[i]!, value) / (others.length + 1));
}

/**
 * Returns the values of tensors without dimensions; on a card by one copy, since each waits for all kernels before it.
 */
function numbersOf(tensors: readonly torch.Tensor[]): number[] {
  if (!tensors.some(({ isCuda }) => isCuda)) return tensors.map((each) => each.toNumber());
  return torch.stack(tensors.map((each) => each.detach().float())).toArray() as number[];
}

/** Reads the losses of a batch from the device. */
import * as torch from '@deit-lt/torch';
import type { LossParts } from '../tasks/task.js';
import type { LossValues } from './epoch-sums.js';
import type { LoopOptions } from './loop-options.js';
import { notFinite } from './not-finite.js';

/** Returns the numbers of `losses`. Throws UserError NOT_FINITE when the loss is not finite; its parts may be so. */
export function finiteLosses(
  { loss, parts }: LossParts,
  options: LoopOptions,
  { epoch, batch }: { readonly epoch: number; readonly batch: number },
): LossValues {
  const names = Object.keys(parts);
  const [value, ...more] = numbersOf([loss, ...Object.values(parts)]) as [number, ...number[]];
  if (!Number.isFinite(value))
    throw notFinite(
      options,
      `the loss of the ${options.task.kind} became ${value} in epoch ${epoch + 1}, batch ${batch + 1}`,
    );
  return { loss: value, parts: Object.fromEntries(names.map((name, i) => [name, more[i]!])) };
}

/**
 * Returns the values of tensors without dimensions; on a card by one copy, since each waits for all kernels before it.
 */
function numbersOf(tensors: readonly torch.Tensor[]): number[] {
  if (!tensors.some(({ isCuda }) => isCuda)) return tensors.map((each) => each.toNumber());
  return torch.stack(tensors.map((each) => each.detach().float())).toArray() as number[];
}

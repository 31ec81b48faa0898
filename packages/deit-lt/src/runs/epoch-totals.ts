/** The sums of an epoch that is not finished, as a checkpoint has them. */
import { z } from 'zod';

/** Sums over the batches of an epoch that is not finished. */
export interface EpochTotals {
  readonly images: number;
  readonly seconds: number;
  readonly loss: number;
  /** The parts of the loss by name. */
  readonly parts: Readonly<Record<string, number>>;
  /** Sum of the norms of gradients, and how many were measured. */
  readonly gradNorm: number;
  readonly gradNorms: number;
}

/** JSON has null for what is not a number. */
const sum = z.union([z.number(), z.null().transform(() => Number.NaN)]);
const sums = { images: sum, seconds: sum, loss: sum, gradNorm: sum, gradNorms: sum };
const current = z.looseObject({ ...sums, parts: z.record(z.string(), sum) });

/** Earlier versions wrote the parts of the loss beside the other sums, left out those that were 0, and wrote `{}` at the beginning. */
const earlier = z.record(z.string(), sum).transform((given): EpochTotals | null => {
  const { images = 0, seconds = 0, loss = 0, gradNorm = 0, gradNorms = 0, ...parts } = given;
  return images === 0 ? null : { images, seconds, loss, parts, gradNorm, gradNorms };
});

/** The sums as a checkpoint of this version or of an earlier one has them; null at the beginning of an epoch. */
export const epochTotals = z.union([current, earlier]).nullable();

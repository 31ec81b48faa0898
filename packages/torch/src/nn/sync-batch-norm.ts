/** Batch norm over the batches of all processes: torch.nn.SyncBatchNorm's arithmetic, made of operators with gradients. */

import { noGrad } from '../autograd/modes.js';
import { sumOfRanks } from '../distributed/collectives.js';
import { getRank, getWorldSize } from '../distributed/process-group.js';
import { cat, stack } from '../functions.generated.js';
import { zeros } from '../tensor/create.js';
import type { Tensor } from '../tensor/tensor.js';

export interface SyncBatchNormOptions {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
  readonly eps: number;
  readonly momentum: number;
}

/**
 * `[B, C, …]` → the same: `(x − mean) / √(var + eps) · weight + bias` by channel, with the mean and the variance of the batches of all
 * processes, which each may have another number of images. The mean and the variance of each batch are exchanged, and combined by
 * `var = Σ nᵣ (varᵣ + (meanᵣ − mean)²) / Σ nᵣ`, which does not cancel as `mean(x²) − mean²` does. Running statistics get the unbiased variance.
 */
export function syncBatchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  { weight, bias, eps, momentum }: SyncBatchNormOptions,
): Tensor {
  const x = input.dtype === 'float64' ? input : input.float();
  const [channels = 0] = x.shape.slice(1);
  const dims = x.shape.flatMap((_, i) => (i === 1 ? [] : [i]));
  const own = x.numel() / channels;
  const ownMean = x.mean(dims); // [C]
  const ownVar = x.sub(ofChannels(ownMean, x)).square().mean(dims);
  const [mean, variance, total] = combined(ownMean, ownVar, own);
  noGrad(() => {
    runningMean?.lerp_(mean, momentum);
    runningVar?.lerp_(variance.mul(total.div(total.sub(1))), momentum);
  });
  const scale = variance.add(eps).rsqrt();
  const normalised = x
    .sub(ofChannels(mean, x))
    .mul(ofChannels(weight === null ? scale : scale.mul(weight.to(x.dtype)), x));
  return (bias === null ? normalised : normalised.add(ofChannels(bias.to(x.dtype), x))).to(input.dtype);
}

/** Returns the mean and the variance over all processes, and their number of values. */
function combined(ownMean: Tensor, ownVar: Tensor, own: number): [mean: Tensor, variance: Tensor, total: Tensor] {
  const [channels = 0] = ownMean.shape;
  const count = ownMean.newFull([1], own);
  const row = cat([ownMean, ownVar, count], 0); // [2 C + 1]
  const none = zeros(row.shape, { device: row.device, dtype: row.dtype });
  const rows = Array.from({ length: getWorldSize() }, (_, rank) => (rank === getRank() ? row : none));
  const all = sumOfRanks(stack(rows, 0)); // [processes, 2 C + 1]: each has put in its own row
  const counts = all.narrow(1, 2 * channels, 1).detach();
  const total = counts.sum();
  const share = counts.div(total);
  const means = all.narrow(1, 0, channels);
  const mean = means.mul(share).sum([0]);
  const variance = all.narrow(1, channels, channels).add(means.sub(mean).square()).mul(share).sum([0]);
  return [mean, variance, total];
}

/** `[C]` → `[1, C, 1, …]`, for the dimensions of `x`. */
function ofChannels(values: Tensor, x: Tensor): Tensor {
  return values.view(x.shape.map((_, i) => (i === 1 ? -1 : 1)));
}

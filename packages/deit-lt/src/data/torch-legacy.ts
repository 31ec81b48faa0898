/**
 * `torch.randperm` of PyTorch's CPU generator, without tensors: the published samplers order their epochs with it. The
 * same for every PyTorch up to 2.x, for fewer than 2³²/20 numbers.
 */
import { MT19937 } from './mt19937.js';

/** `torch.randperm(n, generator=torch.Generator().manual_seed(seed))`. */
export function torchRandperm(n: number, seed: number): Int32Array {
  const bits = new MT19937(seed);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < n - 1; i++) {
    const j = i + (bits.uint32() % (n - i));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}

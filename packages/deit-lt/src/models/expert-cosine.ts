/**
 * Computes the cosine similarity of a distilled model's two experts: the published model returns the same number in
 * training.
 */
import type * as torch from '@deit-lt/torch';

/** Keeps features of length 0 from dividing by it; PyTorch's `CosineSimilarity` as published has the same. */
const tiny = 1e-6;

/**
 * `a·b / max(‖a‖·‖b‖, 1e-6)` of each row: features `[N, D]` → `[N]`, in [−1, 1]. Figure 4a of the DeiT-LT paper shows
 * `1 −` the mean of it over CLS and DIST features after the last norm, by epoch.
 */
export function cosineSimilarity(a: torch.Tensor, b: torch.Tensor): torch.Tensor {
  const norms = a.square().sum(-1).sqrt().mul(b.square().sum(-1).sqrt());
  return a.mul(b).sum(-1).div(norms.clamp(tiny));
}

/**
 * Attention rollout: how much of each patch reaches a token through all blocks, if attention and the residual branch count
 * the same (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020). The DeiT-LT paper shows such maps of
 * CLS and DIST.
 */
import * as torch from '@deit-lt/torch';

export interface RolloutOptions {
  /** Reduction over the heads of a block. Default `mean`, as in the paper. */
  fusion?: 'mean' | 'max';
}

/**
 * Attention of the blocks, first to last, each `[B, heads, N, N]` → `[B, N, N]`: `M_last · … · M_first` with
 * `M = (fused + 1) / row sums`. Row 0 is CLS, row 1 DIST where there is one. Throws `RangeError` without a block.
 */
export function attentionRollout(
  blocks: readonly torch.Tensor[],
  { fusion = 'mean' }: RolloutOptions = {},
): torch.Tensor {
  const [first, ...others] = blocks;
  if (first === undefined) throw new RangeError('attentionRollout: expected the attention of at least one block');
  const withResidual = (attention: torch.Tensor): torch.Tensor => {
    const fused = fusion === 'mean' ? attention.mean(1) : attention.amax(1); // (B, N, N)
    const mixed = fused.add(torch.eye(fused.size(-1), { dtype: fused.dtype, device: fused.device }));
    return mixed.div(mixed.sum(-1, true));
  };
  return torch.tidy(() =>
    others.reduce((rollout, attention) => withResidual(attention).matmul(rollout), withResidual(first)),
  );
}

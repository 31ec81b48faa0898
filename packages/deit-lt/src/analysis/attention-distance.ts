/**
 * Mean attention distance: how far, in pixels, a head looks (Dosovitskiy et al., ICLR 2021, appendix D.7; Raghu et al.,
 * NeurIPS 2021, "Do Vision Transformers See Like Convolutional Neural Networks?"; figure 4b of the DeiT-LT paper). Small
 * distances are local features, as a convolution's. The paper does not say what it does with CLS and DIST: both readings
 * are here.
 */
import * as torch from '@deit-lt/torch';
import type { Grid } from '../models/pos-embed.js';

export interface AttentionGeometry {
  /** Rows and columns of patches. */
  readonly grid: Grid;
  /** Side of a patch in pixels. */
  readonly patchSize: number;
  /** Tokens before the patches, which have no place in the image. */
  readonly prefixTokens: number;
}

export interface AttentionDistances {
  /** `mean_q Σ_k a_qk · d_qk` over patches, `[B, heads]`: what goes to CLS and DIST counts as distance 0. */
  readonly raw: torch.Tensor;
  /** The same with each row of weights divided by its sum over the patches, `[B, heads]`. */
  readonly renormalised: torch.Tensor;
}

/** Euclidean distances in pixels between the centres of all patches: `[P, P]`, P = rows · columns, row by row. */
export function patchDistances({ grid: [rows, columns], patchSize }: AttentionGeometry): torch.Tensor {
  const places = Array.from({ length: rows * columns }, (_, i) => [Math.floor(i / columns), i % columns] as const);
  const distances = places.map(([y, x]) => places.map(([v, u]) => patchSize * Math.hypot(y - v, x - u)));
  return torch.tensor(distances.flat(), { dtype: 'float64' }).view(places.length, places.length);
}

/**
 * Attention `[B, heads, N, N]` (queries, then keys) → distances in pixels `[B, heads]`, in the attention's dtype.
 * `distances` saves computing `patchDistances` for every batch. Throws `RangeError` when N is not prefix + patches.
 */
export function attentionDistances(
  attention: torch.Tensor,
  geometry: AttentionGeometry,
  distances?: torch.Tensor,
): AttentionDistances {
  const { grid, prefixTokens } = geometry;
  const patches = grid[0] * grid[1];
  if (attention.size(-1) !== prefixTokens + patches || attention.size(-2) !== attention.size(-1))
    throw new RangeError(
      `attentionDistances: expected attention between ${prefixTokens} + ${patches} tokens, got [${attention.shape.join(', ')}]`,
    );
  return torch.tidy(() => {
    const weights = attention.narrow(-2, prefixTokens, patches).narrow(-1, prefixTokens, patches);
    const ofPairs = (distances ?? patchDistances(geometry)).to(attention.device).to(attention.dtype);
    const byQuery = weights.mul(ofPairs).sum(-1); // (B, heads, P)
    return { raw: byQuery.mean(-1), renormalised: byQuery.div(weights.sum(-1)).mean(-1) };
  });
}

/**
 * The rank of a set of features: into how few directions they fit (figure 4c of the DeiT-LT paper: DIST features of low
 * rank are held to generalise better to tail classes). The paper does not define its rank; this is the one of principal
 * component analysis. Beside it the entropy rank of Roy and Vetterli ("The effective rank", EUSIPCO 2007), which needs no
 * threshold.
 */
import * as torch from '@deit-lt/torch';

const { aten } = torch.ops;

export interface SpectrumOptions {
  /** Takes the mean off first: then squares are explained variance. Default true. */
  centred?: boolean;
}

/** Singular values of features `[N, D]`, largest first: `[min(N, D)]`, float64 on the CPU. */
export function singularValues(features: torch.Tensor, { centred = true }: SpectrumOptions = {}): Float64Array {
  return torch.tidy(() => {
    const xs = features.detach().to('cpu').double();
    const rows = centred ? xs.sub(xs.mean(0, true)) : xs;
    return aten.linalg_svdvals.default(rows).toTypedArray<'float64'>();
  });
}

/** The smallest k whose k largest squared singular values reach `threshold` (0 … 1) of all. 0 when all are 0. */
export function rankOf(values: Float64Array, threshold = 0.99): number {
  const total = values.reduce((sum, s) => sum + s * s, 0);
  if (total === 0) return 0;
  let sum = 0;
  const index = values.findIndex((s) => {
    sum += s * s;
    return sum >= threshold * total;
  });
  return index < 0 ? values.length : index + 1;
}

/** `exp(H(p))` with `p = σ / Σσ`: from 1 to the number of values. 0 when all are 0. */
export function entropyRank(values: Float64Array): number {
  const total = values.reduce((sum, s) => sum + s, 0);
  if (total === 0) return 0;
  const entropy = values.reduce((sum, s) => (s > 0 ? sum - (s / total) * Math.log(s / total) : sum), 0);
  return Math.exp(entropy);
}

/**
 * Moments of features that come batch by batch, in float64: their number, sum `[D]` and second moments `[D, D]`.
 * Their singular values are exact to about 1e-8 of the largest, which is far below what a rank asks for.
 */
export interface FeatureMoments {
  readonly count: number;
  readonly sum: torch.Tensor;
  readonly products: torch.Tensor;
}

/** `[N, D]` → `[D]` and `[D, D]`, float64 on the features' device; of several sets `[…, N, D]` → `[…, D]` and `[…, D, D]`. */
export function momentsOf(features: torch.Tensor): FeatureMoments {
  return torch.tidy(() => {
    const xs = features.double();
    return { count: xs.size(-2), sum: xs.sum(-2), products: xs.transpose(-2, -1).matmul(xs) };
  });
}

/**
 * Returns the singular values of all features that were added to the moments: the roots of the scatter matrix'
 * eigenvalues.
 */
export function singularValuesOf(
  { count, sum, products }: FeatureMoments,
  { centred = true }: SpectrumOptions = {},
): Float64Array {
  return torch.tidy(() => {
    const scatter = centred && count > 0 ? products.sub(sum.unsqueeze(1).mul(sum).div(count)) : products;
    const values = aten.linalg_eigvalsh.default(scatter.to('cpu')).clamp(0).sqrt().toTypedArray<'float64'>();
    return values.reverse().subarray(0, Math.min(count, values.length));
  });
}

/** Estimates how often each class occurs among images without labels. */
import * as torch from '@deit-lt/torch';

export interface EstimateOptions {
  /** Probabilities `[N, C]` of the unlabelled images, under `source`. */
  readonly probabilities: torch.Tensor;
  /** Shares of the classes that the probabilities assume, above 0. */
  readonly source: Float64Array;
  /** Ends when the mean change of a share is smaller. Default 1e-7. */
  readonly tolerance?: number;
}

const mostRounds = 1000;

/**
 * Returns the shares of the C classes with the greatest likelihood, by expectation maximisation (Saerens et al.,
 * "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 2002). Their sum is 1. The
 * estimate assumes calibrated probabilities, and images of the known classes alone.
 */
export function estimatePrior({ probabilities, source, tolerance = 1e-7 }: EstimateOptions): Float64Array {
  return torch.tidy(() =>
    torch.noGrad(() => {
      const likelihoods = probabilities.double().div(torch.tensor(source, { dtype: 'float64' }));
      let shares = source;
      for (let round = 0; round < mostRounds; round++) {
        const next = torch.tidy(() => {
          const weighted = likelihoods.mul(torch.tensor(shares, { dtype: 'float64' }));
          return weighted
            .div(weighted.sum([1], true))
            .mean([0])
            .toTypedArray<'float64'>();
        });
        const change = next.reduce((sum, share, c) => sum + Math.abs(share - shares[c]!), 0) / next.length;
        shares = Float64Array.from(next);
        if (change < tolerance) break;
      }
      return shares;
    }),
  );
}

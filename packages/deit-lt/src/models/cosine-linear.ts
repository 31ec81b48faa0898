/** The cosine classifier of LDAM's teachers (Cao et al., 2019): what counts is the angle, not the length. */
import * as torch from '@deit-lt/torch';
import { withoutAutocast } from './full-precision.js';

const { Module, Parameter, functional: F, init } = torch.nn;

/**
 * Features `[B, in]` → cosines in [−1, 1], `[B, out]`: both features and the columns of `weight` `[in, out]` are
 * normalised.
 */
export class CosineLinear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly weight: torch.nn.Parameter;

  constructor(inFeatures: number, outFeatures: number, placement: torch.nn.PlacementOptions = {}) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = torch.tidy(() => new Parameter(torch.empty([inFeatures, outFeatures], placement)));
    this.resetParameters();
  }

  /** Draws columns of length 1. */
  resetParameters(): void {
    init.uniform_(this.weight, { a: -1, b: 1 });
    torch.tidy(() => torch.noGrad(() => this.weight.copy_(this.normalizedWeight())));
  }

  /** The weight with columns of length 1, `[in, out]`. */
  normalizedWeight(): torch.Tensor {
    return F.normalize(this.weight, { dim: 0 });
  }

  /**
   * Returns the cosines in float32, also under autocast: losses multiply cosines by 30, and bfloat16 has two digits of
   * them.
   */
  forward(features: torch.Tensor): torch.Tensor {
    return withoutAutocast(features, () =>
      F.normalize(features.to(this.weight.dtype), { dim: 1 }).matmul(this.normalizedWeight()),
    );
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}`;
  }
}

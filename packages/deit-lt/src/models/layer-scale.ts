/** LayerScale (Touvron et al., 2021, "Going deeper with image transformers"): timm's, which DeiT-III trains with. */
import * as torch from '@deit-lt/torch';

const { Module, Parameter } = torch.nn;

/** `gamma · x`, a factor for each channel: `[…, dim]` → the same. All factors begin at `initValue`. */
export class LayerScale extends Module {
  readonly gamma: torch.nn.Parameter;

  constructor(dim: number, initValue: number, placement: torch.nn.PlacementOptions = {}) {
    super();
    this.gamma = torch.tidy(() => new Parameter(torch.full([dim], initValue, { dtype: 'float32', ...placement })));
  }

  forward(xs: torch.Tensor): torch.Tensor {
    return xs.mul(this.gamma);
  }
}

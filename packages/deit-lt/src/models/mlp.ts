/** The two layers that work on each token by itself: timm's `Mlp`. */
import * as torch from '@deit-lt/torch';

const F = torch.nn.functional;

export interface MlpOptions extends torch.nn.PlacementOptions {
  /** Dropout after both layers. Default 0. */
  dropRate?: number;
}

/** `[…, dim]` → the same: `fc2(gelu(fc1(x)))`, GELU by the error function. */
export class Mlp extends torch.nn.Module {
  readonly dropRate: number;
  readonly fc1: torch.nn.Linear;
  readonly fc2: torch.nn.Linear;

  constructor(dim: number, hiddenDim: number, { dropRate = 0, ...placement }: MlpOptions = {}) {
    super();
    this.dropRate = dropRate;
    this.fc1 = new torch.nn.Linear(dim, hiddenDim, placement);
    this.fc2 = new torch.nn.Linear(hiddenDim, dim, placement);
  }

  forward(xs: torch.Tensor): torch.Tensor {
    return this.#drop(this.fc2.call(this.#drop(F.gelu(this.fc1.call(xs)))));
  }

  #drop(xs: torch.Tensor): torch.Tensor {
    return this.dropRate === 0 ? xs : F.dropout(xs, { p: this.dropRate, training: this.training });
  }
}

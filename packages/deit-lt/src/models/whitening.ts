/**
 * A fixed first convolution that whitens patches: its filters are the principal components of the training images' patches, each
 * divided by its standard deviation, and the same with the other sign. K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a
 * single GPU", 2024, arXiv 2404.00498, section 3.2.
 */
import * as torch from '@deit-lt/torch';
import type { InitializedFromImages } from './model.js';

const { Module, Parameter, functional: F, init } = torch.nn;

/** Side of a patch in pixels, the paper's. */
const side = 2;

/** Added to the variances: directions that hardly occur are not amplified without limit. The paper's. */
const smallest = 5e-4;

export interface WhiteningOptions extends torch.nn.PlacementOptions {
  /** Pixels of 0 at each side of the images. Default 0. */
  padding?: number;
}

/**
 * Images `[B, inChans, H, W]` → `[B, 8 · inChans, H + 2 · padding − 1, W + 2 · padding − 1]`. `weight` is a buffer, as it is not learned:
 * `initializeFrom` computes it. Before that it is random, as in another convolution. `bias` is a parameter.
 */
export class Whitening extends Module implements InitializedFromImages {
  readonly padding: number;
  readonly weight: torch.Tensor;
  readonly bias: torch.nn.Parameter;

  constructor(inChans: number, { padding = 0, device }: WhiteningOptions = {}) {
    super();
    this.padding = padding;
    const filters = 2 * inChans * side * side;
    this.weight = this.registerBuffer('weight', torch.zeros([filters, inChans, side, side], { device }));
    this.bias = torch.tidy(() => new Parameter(torch.zeros([filters], { device })));
    init.kaimingUniform_(this.weight, { a: Math.sqrt(5) });
  }

  forward(images: torch.Tensor): torch.Tensor {
    return F.conv2d(images, this.weight, this.bias, { padding: this.padding });
  }

  /** Computes the filters from normalised images `[B, inChans, H, W]`, H and W at least 2. */
  initializeFrom(images: torch.Tensor): void {
    torch.tidy(() => torch.noGrad(() => this.weight.copy_(whiteningFilters(images))));
  }
}

/**
 * `±e_i / √(λ_i + 5e-4)`, where `λ_i` and `e_i` are the eigenvalues (ascending) and eigenvectors of the patches' second moments:
 * normalised images `[B, C, H, W]` → `[8 · C, C, 2, 2]`, float32, first those with the sign of the eigenvector.
 */
export function whiteningFilters(images: torch.Tensor): torch.Tensor {
  return torch.tidy(() => {
    const channels = images.size(1);
    const patches = F.unfold(images.double(), side).transpose(1, 2).flatten(0, 1); // [patches, C · 2 · 2]
    const moments = patches.t().matmul(patches).div(patches.size(0));
    const [values, vectors] = torch.ops.aten.linalg_eigh(moments) as [torch.Tensor, torch.Tensor]; // vectors in columns
    const scaled = vectors.div(values.clamp(0).add(smallest).sqrt()).t();
    return torch.cat([scaled, scaled.neg()]).reshape(-1, channels, side, side).float();
  });
}

/** The block of RegNetY (Radosavovic et al., 2020): a bottleneck of constant width with squeeze-and-excitation. */
import * as torch from '@deit-lt/torch';
import { ConvNorm } from './conv-norm.js';

const { Conv2d, Module, functional: F } = torch.nn;

/**
 * Weighs channels by their means over the image (Hu et al., 2018): `x · σ(fc2(relu(fc1(mean x))))`, `[B, C, H,
 * W]` → the same.
 */
export class SqueezeExcite extends Module {
  readonly fc1: torch.nn.Conv2d;
  readonly fc2: torch.nn.Conv2d;

  constructor(channels: number, squeezed: number, placement: torch.nn.PlacementOptions = {}) {
    super();
    this.fc1 = new Conv2d(channels, squeezed, 1, placement);
    this.fc2 = new Conv2d(squeezed, channels, 1, placement);
  }

  forward(xs: torch.Tensor): torch.Tensor {
    const inner = this.fc1.call(xs.mean([2, 3], { keepdim: true })).relu_();
    return xs.mul(this.fc2.call(inner).sigmoid_());
  }
}

export interface RegNetBlockOptions extends torch.nn.PlacementOptions {
  /** Stride of the 3 × 3 convolution. Default 1. */
  stride?: number;
  /** Channels of a group of the 3 × 3 convolution; divides `cOut`. */
  groupWidth: number;
  /** The share of samples for which the body is left out in training. Default 0. */
  dropPathRate?: number;
}

/**
 * `relu(conv3(se(relu(conv2(relu(conv1(x)))))) + shortcut(x))`: `[B, cIn, H, W]` → `[B, cOut, H / stride, W / stride]`.
 */
export class RegNetBlock extends Module {
  readonly dropPathRate: number;
  readonly conv1: ConvNorm;
  readonly conv2: ConvNorm;
  readonly se: SqueezeExcite;
  readonly conv3: ConvNorm;
  readonly downsample: ConvNorm | null;

  constructor(cIn: number, cOut: number, options: RegNetBlockOptions) {
    const { stride = 1, groupWidth, dropPathRate = 0, ...placement } = options;
    super();
    this.dropPathRate = dropPathRate;
    this.conv1 = new ConvNorm(cIn, cOut, 1, placement);
    this.conv2 = new ConvNorm(cOut, cOut, 3, { stride, groups: cOut / groupWidth, ...placement });
    // a quarter of what comes into the block, not of what is squeezed
    this.se = new SqueezeExcite(cOut, Math.round(cIn / 4), placement);
    this.conv3 = new ConvNorm(cOut, cOut, 1, placement);
    this.downsample = stride === 1 && cIn === cOut ? null : new ConvNorm(cIn, cOut, 1, { stride, ...placement });
  }

  forward(xs: torch.Tensor): torch.Tensor {
    const inner = this.conv2.call(this.conv1.call(xs).relu_()).relu_();
    const body = F.dropPath(this.conv3.call(this.se.call(inner)), {
      dropProb: this.dropPathRate,
      training: this.training,
    });
    return body.add_(this.downsample === null ? xs : this.downsample.call(xs)).relu_();
  }
}

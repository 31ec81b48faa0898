/** A convolution without bias and its batch norm: timm's `ConvNormAct` without the activation. */
import * as torch from '@deit-lt/torch';

const { BatchNorm2d, Conv2d, Module } = torch.nn;

/** A convolution and the batch norm after it. */
export type NormalizedConv = readonly [conv: torch.nn.Conv2d, norm: torch.nn.BatchNorm2d];

export interface ConvNormOptions extends torch.nn.PlacementOptions {
  /** Default 1. */
  stride?: number;
  /** Default 1. */
  groups?: number;
}

/** `[B, cIn, H, W]` → `[B, cOut, ⌈H / stride⌉, ⌈W / stride⌉]`; `kernelSize` is odd. */
export class ConvNorm extends Module {
  readonly conv: torch.nn.Conv2d;
  readonly bn: torch.nn.BatchNorm2d;

  constructor(cIn: number, cOut: number, kernelSize: number, options: ConvNormOptions = {}) {
    const { stride = 1, groups = 1, ...placement } = options;
    super();
    const padding = (kernelSize - 1) / 2;
    this.conv = new Conv2d(cIn, cOut, kernelSize, { stride, groups, padding, bias: false, ...placement });
    this.bn = new BatchNorm2d(cOut, placement);
  }

  forward(xs: torch.Tensor): torch.Tensor {
    return this.bn.call(this.conv.call(xs));
  }

  pair(): NormalizedConv {
    return [this.conv, this.bn];
  }
}

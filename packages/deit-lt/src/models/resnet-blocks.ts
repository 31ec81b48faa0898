/**
 * The residual blocks of torchvision's ResNets (He et al., 2016; ResNeXt: Xie et al., 2017), whose shortcuts are
 * 1 × 1 convolutions where the shape changes (option B). Parameters are named and ordered as there.
 */
import * as torch from '@deit-lt/torch';
import type { NormalizedConv } from './conv-norm.js';

const { BatchNorm2d, Conv2d, Module, Sequential } = torch.nn;

type Placement = torch.nn.PlacementOptions;

export interface ResNetBlockOptions extends Placement {
  /** Stride of the 3 × 3 convolution that makes the image smaller. Default 1. */
  stride?: number;
  /** Groups of the bottleneck's 3 × 3 convolution: ResNeXt's cardinality. Default 1. */
  groups?: number;
  /** Channels of a group when the block has 64 `planes`. Default 64. */
  widthPerGroup?: number;
}

/**
 * The base of both blocks: `relu(body(x) + shortcut(x))`, `[B, cIn, H, W]` → `[B, planes · expansion, H / stride, W /
 * stride]`.
 */
export abstract class ResidualBlock extends Module {
  abstract readonly downsample: torch.nn.Sequential | null;

  /** The convolutions of the body in order, with ReLU after each but the last. */
  abstract body(): readonly NormalizedConv[];

  /** ReLU and sum in place: nothing else needs what they overwrite. */
  forward(xs: torch.Tensor): torch.Tensor {
    const body = this.body();
    let ys = xs;
    for (const [i, [conv, norm]] of body.entries()) {
      ys = norm.call(conv.call(ys));
      if (i < body.length - 1) ys.relu_();
    }
    return ys.add_(this.downsample === null ? xs : this.downsample.call(xs)).relu_();
  }
}

/** Two 3 × 3 convolutions, of ResNet-18 and 34. */
export class ResNetBasicBlock extends ResidualBlock {
  static readonly expansion = 1;
  readonly conv1: torch.nn.Conv2d;
  readonly bn1: torch.nn.BatchNorm2d;
  readonly conv2: torch.nn.Conv2d;
  readonly bn2: torch.nn.BatchNorm2d;
  readonly downsample: torch.nn.Sequential | null;

  constructor(cIn: number, planes: number, { stride = 1, device, dtype }: ResNetBlockOptions = {}) {
    super();
    const placement = { device, dtype };
    this.conv1 = conv3x3(cIn, planes, { stride, ...placement });
    this.bn1 = new BatchNorm2d(planes, placement);
    this.conv2 = conv3x3(planes, planes, placement);
    this.bn2 = new BatchNorm2d(planes, placement);
    this.downsample = projection(cIn, planes, stride, placement);
  }

  body(): readonly NormalizedConv[] {
    return [
      [this.conv1, this.bn1],
      [this.conv2, this.bn2],
    ];
  }
}

/** 1 × 1, 3 × 3 (which has the stride) and 1 × 1 convolutions, of the deeper ResNets and ResNeXts. */
export class ResNetBottleneck extends ResidualBlock {
  static readonly expansion = 4;
  readonly conv1: torch.nn.Conv2d;
  readonly bn1: torch.nn.BatchNorm2d;
  readonly conv2: torch.nn.Conv2d;
  readonly bn2: torch.nn.BatchNorm2d;
  readonly conv3: torch.nn.Conv2d;
  readonly bn3: torch.nn.BatchNorm2d;
  readonly downsample: torch.nn.Sequential | null;

  constructor(cIn: number, planes: number, options: ResNetBlockOptions = {}) {
    const { stride = 1, groups = 1, widthPerGroup = 64, device, dtype } = options;
    super();
    const placement = { device, dtype };
    const width = Math.floor((planes * widthPerGroup) / 64) * groups;
    const cOut = planes * ResNetBottleneck.expansion;
    this.conv1 = new Conv2d(cIn, width, 1, { bias: false, ...placement });
    this.bn1 = new BatchNorm2d(width, placement);
    this.conv2 = conv3x3(width, width, { stride, groups, ...placement });
    this.bn2 = new BatchNorm2d(width, placement);
    this.conv3 = new Conv2d(width, cOut, 1, { bias: false, ...placement });
    this.bn3 = new BatchNorm2d(cOut, placement);
    this.downsample = projection(cIn, cOut, stride, placement);
  }

  body(): readonly NormalizedConv[] {
    return [
      [this.conv1, this.bn1],
      [this.conv2, this.bn2],
      [this.conv3, this.bn3],
    ];
  }
}

function conv3x3(cIn: number, cOut: number, options: torch.nn.Conv2dOptions): torch.nn.Conv2d {
  return new Conv2d(cIn, cOut, 3, { padding: 1, bias: false, ...options });
}

/** A 1 × 1 convolution and its norm where the block changes the shape, else null. */
function projection(cIn: number, cOut: number, stride: number, placement: Placement): torch.nn.Sequential | null {
  if (stride === 1 && cIn === cOut) return null;
  return new Sequential(
    new Conv2d(cIn, cOut, 1, { stride, bias: false, ...placement }),
    new BatchNorm2d(cOut, placement),
  );
}

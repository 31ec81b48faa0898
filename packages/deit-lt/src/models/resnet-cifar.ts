/**
 * The ResNets for 32 × 32 images of He et al. (2016, section 4.2): three stages of basic blocks with 16, 32 and 64
 * channels, and shortcuts without parameters (option A). Names and initialisation are those of the published
 * long-tail teachers, so their weights load.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import type { NormalizedConv } from './conv-norm.js';
import { CosineLinear } from './cosine-linear.js';
import { classifierLogits, pooled } from './full-precision.js';
import type { FeatureNet, ModelOfFamily, ModelOptions } from './model.js';
import { cosine, width } from './options.js';

const { BatchNorm2d, Conv2d, Linear, Module, Sequential, functional: F, init } = torch.nn;

type Placement = torch.nn.PlacementOptions;

function conv3x3(cIn: number, cOut: number, stride: number, placement: Placement): torch.nn.Conv2d {
  return new Conv2d(cIn, cOut, 3, { stride, padding: 1, bias: false, ...placement });
}

/** `relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x))`: `[B, cIn, H, W]` → `[B, cOut, H / stride, W / stride]`. */
export class BasicBlock extends Module {
  readonly stride: number;
  /** Channels that the shortcut adds. */
  readonly added: number;
  readonly conv1: torch.nn.Conv2d;
  readonly bn1: torch.nn.BatchNorm2d;
  readonly conv2: torch.nn.Conv2d;
  readonly bn2: torch.nn.BatchNorm2d;

  constructor(cIn: number, cOut: number, stride: number, placement: Placement = {}) {
    super();
    this.stride = stride;
    this.added = cOut - cIn;
    this.conv1 = conv3x3(cIn, cOut, stride, placement);
    this.bn1 = new BatchNorm2d(cOut, placement);
    this.conv2 = conv3x3(cOut, cOut, 1, placement);
    this.bn2 = new BatchNorm2d(cOut, placement);
  }

  /** The convolutions of the body in order, with ReLU after each but the last. */
  body(): readonly NormalizedConv[] {
    return [
      [this.conv1, this.bn1],
      [this.conv2, this.bn2],
    ];
  }

  /** ReLU and sum in place: nothing else needs what they overwrite. */
  forward(xs: torch.Tensor): torch.Tensor {
    const inner = this.bn1.call(this.conv1.call(xs)).relu_();
    return this.bn2
      .call(this.conv2.call(inner))
      .add_(shortcut(xs, this.stride, this.added))
      .relu_();
  }
}

/** Option A: every `stride`-th pixel, and channels of zeros, half before and half after. */
export function shortcut(xs: torch.Tensor, stride: number, added: number): torch.Tensor {
  const pixels = stride === 1 ? xs : xs.index('...', torch.slice(null, null, stride), torch.slice(null, null, stride));
  if (added === 0) return pixels;
  const before = Math.floor(added / 2);
  return F.pad(pixels, [0, 0, 0, 0, before, added - before]);
}

export interface ResNetCifarOptions {
  /** Default 10. */
  numClasses?: number;
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Channels of the three stages. Default 16, 32, 64. */
  widths?: readonly [number, number, number];
  /** Whether features and class weights are normalised before the product (`use_norm` of LDAM). Default false. */
  cosine?: boolean;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

/**
 * Images `[B, inChans, H, W]` → logits `[B, numClasses]`, for H and W from 4 on; of 6n + 2 layers, n being
 * `blocksPerStage`. In training it wants batches of two or more.
 */
export class ResNetCifar extends Module implements FeatureNet {
  readonly numClasses: number;
  readonly numFeatures: number;
  readonly conv1: torch.nn.Conv2d;
  readonly bn1: torch.nn.BatchNorm2d;
  readonly layer1: torch.nn.Sequential;
  readonly layer2: torch.nn.Sequential;
  readonly layer3: torch.nn.Sequential;
  readonly linear: torch.nn.Linear | CosineLinear;

  constructor(blocksPerStage: number, options: ResNetCifarOptions = {}) {
    const { numClasses = 10, inChans = 3, widths = [16, 32, 64], cosine = false, device } = options;
    super();
    const [first, second, third] = widths;
    this.numClasses = numClasses;
    this.numFeatures = third;
    this.conv1 = conv3x3(inChans, first, 1, { device });
    this.bn1 = new BatchNorm2d(first, { device });
    this.layer1 = stage(blocksPerStage, first, first, 1, { device });
    this.layer2 = stage(blocksPerStage, first, second, 2, { device });
    this.layer3 = stage(blocksPerStage, second, third, 2, { device });
    this.linear = cosine ? new CosineLinear(third, numClasses, { device }) : new Linear(third, numClasses, { device });
    this.resetParameters();
  }

  /**
   * Initialises convolutions and the weight of the linear classifier again: normal with variance 2 / fan-in (He et al.,
   * 2015).
   */
  resetParameters(): void {
    for (const module of this.modules())
      if (module instanceof Conv2d || module instanceof Linear) init.kaimingNormal_(module.weight);
  }

  /** The blocks of all stages, in order. */
  blocks(): BasicBlock[] {
    return [this.layer1, this.layer2, this.layer3].flatMap((layer) => [...layer] as unknown as BasicBlock[]);
  }

  get classifier(): torch.nn.Linear | CosineLinear {
    return this.linear;
  }

  forward(images: torch.Tensor): torch.Tensor {
    return classifierLogits(this.linear, this.features(images));
  }

  /** Returns the input of the classifier, before any normalisation: `[B, widths[2]]`. */
  features(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      const xs = this.bn1.call(this.conv1.call(images)).relu_();
      return pooled(this.layer3.call(this.layer2.call(this.layer1.call(xs))));
    });
  }
}

function stage(blocks: number, cIn: number, cOut: number, stride: number, placement: Placement): torch.nn.Sequential {
  const each = Array.from({ length: blocks }, (_, i) =>
    i === 0 ? new BasicBlock(cIn, cOut, stride, placement) : new BasicBlock(cOut, cOut, 1, placement),
  );
  return new Sequential(...each);
}

/** Any input size does, so `imageSize` changes nothing. */
function ofLayers(layers: number): ModelOfFamily {
  return {
    options: z.object({ cosine, width }),
    create: ({ numClasses, inChans, width = 16, cosine, device }: ModelOptions) =>
      new ResNetCifar((layers - 2) / 6, {
        numClasses,
        inChans,
        widths: [width, 2 * width, 4 * width],
        cosine,
        device,
      }),
  };
}

/**
 * The registry's ResNets for CIFAR by name. The `resnet32` of GLMC (Du et al., 2023) is `resnet32` with a width of 64
 * here.
 */
export const resnetCifarModels: Readonly<Record<string, ModelOfFamily>> = {
  resnet8: ofLayers(8),
  resnet14: ofLayers(14),
  resnet20: ofLayers(20),
  resnet32: ofLayers(32),
  resnet44: ofLayers(44),
  resnet56: ofLayers(56),
  resnet110: ofLayers(110),
};

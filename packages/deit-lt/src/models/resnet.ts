/**
 * torchvision's ResNets and ResNeXts (He et al., 2016; Xie et al., 2017; the stride is in the 3 × 3 convolution), and
 * the form of ResNet-18 and 34 for 32 × 32 images with which GLMC (Du et al., 2023) is published: a 3 × 3 stem, no
 * pooling after it, the first stage at full resolution. Parameters are named, ordered and initialised as in
 * torchvision.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { CosineLinear } from './cosine-linear.js';
import { classifierLogits, pooled } from './full-precision.js';
import type { FeatureNet, ModelOfFamily, ModelOptions } from './model.js';
import { cosine, width } from './options.js';
import { type ResidualBlock, ResNetBasicBlock, type ResNetBlockOptions, ResNetBottleneck } from './resnet-blocks.js';

const { BatchNorm2d, Conv2d, Linear, Module, Sequential, functional: F, init } = torch.nn;

export interface ResNetOptions extends Pick<ResNetBlockOptions, 'groups' | 'widthPerGroup'> {
  /** Default 1000. */
  numClasses?: number;
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Channels of the stem; the stages have 1, 2, 4 and 8 times as many, times the block's expansion. Default 64. */
  width?: number;
  /** Whether it is the form for 32 × 32 images. Default false. */
  smallImages?: boolean;
  /** Whether features and class weights are normalised before the product (`use_norm` of LDAM). Default false. */
  cosine?: boolean;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

type BlockClass = typeof ResNetBasicBlock | typeof ResNetBottleneck;
type Depths = readonly [number, number, number, number];

/**
 * Images `[B, inChans, H, W]` → logits `[B, numClasses]`, for any H and W; the last stage has a 32nd of them, in the
 * form for small images an 8th. In training each channel must have more than one value there. `depths` are the blocks
 * of each stage.
 */
export class ResNet extends Module implements FeatureNet {
  readonly numClasses: number;
  readonly numFeatures: number;
  readonly smallImages: boolean;
  readonly conv1: torch.nn.Conv2d;
  readonly bn1: torch.nn.BatchNorm2d;
  readonly layer1: torch.nn.Sequential;
  readonly layer2: torch.nn.Sequential;
  readonly layer3: torch.nn.Sequential;
  readonly layer4: torch.nn.Sequential;
  readonly fc: torch.nn.Linear | CosineLinear;

  constructor(block: BlockClass, depths: Depths, options: ResNetOptions = {}) {
    const { numClasses = 1000, inChans = 3, width = 64, smallImages = false, cosine = false, device } = options;
    const { groups, widthPerGroup } = options;
    super();
    const stage = (i: number): torch.nn.Sequential => {
      const planes = width * 2 ** i;
      const cIn = i === 0 ? width : (planes / 2) * block.expansion;
      return stageOf(block, depths[i]!, cIn, planes, { stride: i === 0 ? 1 : 2, groups, widthPerGroup, device });
    };
    this.numClasses = numClasses;
    this.numFeatures = 8 * width * block.expansion;
    this.smallImages = smallImages;
    this.conv1 = smallImages
      ? new Conv2d(inChans, width, 3, { padding: 1, bias: false, device })
      : new Conv2d(inChans, width, 7, { stride: 2, padding: 3, bias: false, device });
    this.bn1 = new BatchNorm2d(width, { device });
    this.layer1 = stage(0);
    this.layer2 = stage(1);
    this.layer3 = stage(2);
    this.layer4 = stage(3);
    this.fc = new (cosine ? CosineLinear : Linear)(this.numFeatures, numClasses, { device });
    this.resetConvolutions();
  }

  /**
   * Initialises the convolutions again: normal with variance 2 / fan-out, as torchvision does. The form for small
   * images keeps PyTorch's own, as GLMC is published: with weight decay 5e-3 the scale at the start counts for many
   * epochs.
   */
  resetConvolutions(): void {
    for (const module of this.modules()) {
      if (!(module instanceof Conv2d)) continue;
      if (this.smallImages) module.resetParameters();
      else init.kaimingNormal_(module.weight, { mode: 'fan_out', nonlinearity: 'relu' });
    }
  }

  /** The blocks of all stages, in order. */
  blocks(): ResidualBlock[] {
    const layers = [this.layer1, this.layer2, this.layer3, this.layer4];
    return layers.flatMap((layer) => [...layer] as unknown as ResidualBlock[]);
  }

  get classifier(): torch.nn.Linear | CosineLinear {
    return this.fc;
  }

  forward(images: torch.Tensor): torch.Tensor {
    return classifierLogits(this.fc, this.features(images));
  }

  features(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      const stem = this.bn1.call(this.conv1.call(images)).relu_();
      let xs = this.smallImages ? stem : F.maxPool2d(stem, 3, { stride: 2, padding: 1 });
      for (const block of this.blocks()) {
        const next = block.call(xs);
        xs.dispose(); // in evaluation nothing else holds it; in training autograd does
        xs = next;
      }
      return pooled(xs);
    });
  }
}

function stageOf(
  block: BlockClass,
  depth: number,
  cIn: number,
  planes: number,
  { stride, ...options }: ResNetBlockOptions,
): torch.nn.Sequential {
  const each = Array.from({ length: depth }, (_, i) =>
    i === 0 ? new block(cIn, planes, { stride, ...options }) : new block(planes * block.expansion, planes, options),
  );
  return new Sequential(...each);
}

/** Any input size does, so `imageSize` changes nothing. */
function entry(block: BlockClass, depths: Depths, preset: ResNetOptions = {}): ModelOfFamily {
  return {
    options: z.object(preset.smallImages ? { cosine, width } : { cosine }),
    create: ({ numClasses, inChans, width, cosine, device }: ModelOptions) =>
      new ResNet(block, depths, { numClasses, inChans, width, cosine, device, ...preset }),
  };
}

/** The registry's ResNets by name: torchvision's, and timm's `resnext101_32x4d`, which torchvision does not name. */
export const resnetModels: Readonly<Record<string, ModelOfFamily>> = {
  resnet18: entry(ResNetBasicBlock, [2, 2, 2, 2]),
  resnet34: entry(ResNetBasicBlock, [3, 4, 6, 3]),
  resnet50: entry(ResNetBottleneck, [3, 4, 6, 3]),
  resnet101: entry(ResNetBottleneck, [3, 4, 23, 3]),
  resnet152: entry(ResNetBottleneck, [3, 8, 36, 3]),
  resnext50_32x4d: entry(ResNetBottleneck, [3, 4, 6, 3], { groups: 32, widthPerGroup: 4 }),
  resnext101_32x4d: entry(ResNetBottleneck, [3, 4, 23, 3], { groups: 32, widthPerGroup: 4 }),
  resnext101_32x8d: entry(ResNetBottleneck, [3, 4, 23, 3], { groups: 32, widthPerGroup: 8 }),
  resnet18_cifar: entry(ResNetBasicBlock, [2, 2, 2, 2], { smallImages: true }),
  resnet34_cifar: entry(ResNetBasicBlock, [3, 4, 6, 3], { smallImages: true }),
};

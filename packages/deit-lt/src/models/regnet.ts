/**
 * RegNetY, the networks whose widths grow along a line, with squeeze-and-excitation (Radosavovic et al., 2020; Hu et
 * al., 2018). `regnety_160` (16 GF) is the teacher of DeiT. Parameters are named, ordered and initialised as in timm
 * 0.8; torchvision's `regnet_y_16gf` is the same network, and `regnetNameFromTorchvision` says which name is which.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { ConvNorm, type ConvNormOptions } from './conv-norm.js';
import { classifierLogits, pooled } from './full-precision.js';
import type { FeatureNet, ModelOfFamily, ModelOptions } from './model.js';
import { dropPathRate } from './options.js';
import { RegNetBlock } from './regnet-block.js';

const { Conv2d, Linear, Module, Sequential, init } = torch.nn;

export interface RegNetShape {
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Channels of each stage: multiples of `groupWidth`. */
  readonly widths: readonly number[];
  /** Channels of a group of the 3 × 3 convolutions. */
  readonly groupWidth: number;
}

export interface RegNetOptions {
  /** Default 1000. */
  numClasses?: number;
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Drop path of the last block; it grows linearly from 0 at the first. Default 0. */
  dropPathRate?: number;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

/** Channels after the first convolution. */
const stemWidth = 32;

/** Images `[B, inChans, H, W]` → logits `[B, numClasses]`, for any H and W; the last stage has a 32nd of them. */
export class RegNet extends Module implements FeatureNet {
  readonly numClasses: number;
  readonly numFeatures: number;
  readonly stem: ConvNorm;
  readonly s1: torch.nn.Sequential;
  readonly s2: torch.nn.Sequential;
  readonly s3: torch.nn.Sequential;
  readonly s4: torch.nn.Sequential;
  readonly head: RegNetHead;

  constructor({ depths, widths, groupWidth }: RegNetShape, options: RegNetOptions = {}) {
    const { numClasses = 1000, inChans = 3, dropPathRate = 0, device } = options;
    super();
    const total = depths.reduce((sum, depth) => sum + depth, 0);
    const rateOf = (block: number): number => (total === 1 ? 0 : (dropPathRate * block) / (total - 1));
    let made = 0;
    const stage = (i: number): torch.nn.Sequential => {
      const cIn = widths[i - 1] ?? stemWidth;
      const blocks = Array.from({ length: depths[i]! }, (_, b) => {
        const placement = { stride: b === 0 ? 2 : 1, groupWidth, device, dropPathRate: rateOf(made++) };
        return [`b${b + 1}`, new RegNetBlock(b === 0 ? cIn : widths[i]!, widths[i]!, placement)] as const;
      });
      return new Sequential(Object.fromEntries(blocks));
    };
    this.numClasses = numClasses;
    this.numFeatures = widths.at(-1)!;
    this.stem = new ConvNorm(inChans, stemWidth, 3, { stride: 2, device });
    this.s1 = stage(0);
    this.s2 = stage(1);
    this.s3 = stage(2);
    this.s4 = stage(3);
    this.head = new RegNetHead(this.numFeatures, numClasses, { device });
    this.resetParameters();
  }

  /**
   * Initialises all weights again: convolutions normal with variance 2 · groups / fan-out, the classifier normal with
   * standard deviation 0.01, biases 0; the last gain of each block is 0, so that it begins as its shortcut.
   */
  resetParameters(): void {
    for (const module of this.modules()) {
      if (module instanceof Conv2d) {
        const [height, width] = module.kernelSize;
        const fanOut = Math.floor((height * width * module.outChannels) / module.groups);
        init.normal_(module.weight, { std: Math.sqrt(2 / fanOut) });
        if (module.bias !== null) init.zeros_(module.bias);
      }
    }
    for (const block of this.blocks()) init.zeros_(block.conv3.bn.weight!);
    init.normal_(this.head.fc.weight, { std: 0.01 });
    init.zeros_(this.head.fc.bias!);
  }

  /** The blocks of all stages, in order. */
  blocks(): RegNetBlock[] {
    return [this.s1, this.s2, this.s3, this.s4].flatMap((stage) => [...stage] as unknown as RegNetBlock[]);
  }

  get classifier(): torch.nn.Linear {
    return this.head.fc;
  }

  forward(images: torch.Tensor): torch.Tensor {
    return this.head.call(this.features(images));
  }

  features(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      let xs = this.stem.call(images).relu_();
      for (const block of this.blocks()) {
        const next = block.call(xs);
        xs.dispose(); // in evaluation nothing else holds it; in training autograd does
        xs = next;
      }
      return pooled(xs);
    });
  }
}

/** The classifier, under the name that it has in timm: `head.fc`. */
export class RegNetHead extends Module {
  readonly fc: torch.nn.Linear;

  constructor(numFeatures: number, numClasses: number, placement: ConvNormOptions = {}) {
    super();
    this.fc = new Linear(numFeatures, numClasses, placement);
  }

  forward(features: torch.Tensor): torch.Tensor {
    return classifierLogits(this.fc, features);
  }
}

const stages: Readonly<Record<string, string>> = { a: 'conv1', b: 'conv2', c: 'conv3' };

/**
 * timm's name of a parameter or buffer of torchvision's RegNet: `trunk_output.block2.block2-0.f.a.1.weight` →
 * `s2.b1.conv1.bn.weight`. Names that torchvision's RegNets do not have come back as they are.
 */
export function regnetNameFromTorchvision(name: string): string {
  const part = (index: string): string => (index === '0' ? 'conv' : 'bn');
  return name
    .replace(/^fc\./, 'head.fc.')
    .replace(/^stem\.([01])\./, (_, index: string) => `stem.${part(index)}.`)
    .replace(/^trunk_output\.block(\d+)\.block\d+-(\d+)\./, (_, s: string, b: string) => `s${s}.b${Number(b) + 1}.`)
    .replace(/\.proj\.([01])\./, (_, index: string) => `.downsample.${part(index)}.`)
    .replace(/\.f\.se\./, '.se.')
    .replace(/\.f\.([abc])\.([01])\./, (_, conv: string, index: string) => `.${stages[conv]}.${part(index)}.`);
}

/** Any input size does, so `imageSize` changes nothing. */
function entry(shape: RegNetShape): ModelOfFamily {
  return {
    options: z.object({ dropPathRate }),
    create: ({ numClasses, inChans, dropPathRate, device }: ModelOptions) =>
      new RegNet(shape, { numClasses, inChans, dropPathRate, device }),
  };
}

/** The registry's RegNets by name; the number counts units of 10 million multiplications at 224 pixels. */
export const regnetModels: Readonly<Record<string, ModelOfFamily>> = {
  regnety_004: entry({ depths: [1, 3, 6, 6], widths: [48, 104, 208, 440], groupWidth: 8 }),
  regnety_016: entry({ depths: [2, 6, 17, 2], widths: [48, 120, 336, 888], groupWidth: 24 }),
  regnety_160: entry({ depths: [2, 4, 11, 1], widths: [224, 448, 1232, 3024], groupWidth: 112 }),
};

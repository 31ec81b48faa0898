/**
 * The network of K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, arXiv 2404.00498 (airbench94): a fixed
 * whitening convolution, three groups of two convolutions, a linear classifier. Six times the parameters of ResNet-32, but it
 * learns in a tenth of the epochs. Names of layers are those of the
 * author's code, without his activations and poolings among them; what he freezes is a buffer here.
 */
import * as torch from '@deit-lt/torch';
import { z } from 'zod';
import { UserError } from '../errors.js';
import { classifierLogits } from './full-precision.js';
import type { FeatureNet, ModelOfFamily, ModelOptions } from './model.js';
import { width } from './options.js';
import { Whitening } from './whitening.js';

const { BatchNorm2d, Conv2d, Linear, Module, ModuleList, functional: F, init } = torch.nn;

type Placement = torch.nn.PlacementOptions;

/** A batch of 1,000 images is nearly the whole truth in so few epochs: the paper keeps 0.6 of the old statistics. */
const momentum = 0.4;
const eps = 1e-12;

/** Factor of the features, which makes the first logits small. The paper's, where it is applied to the logits. */
export const featureScale = 1 / 9;

/** Smallest side of an image: the whitening takes one pixel, three poolings halve the rest. */
const smallestSide = 9;

/** Batch norm whose gain is fixed at 1: `(x − mean) / √(var + 1e-12) + bias`. `weight` is a buffer. */
export class ShiftNorm extends BatchNorm2d {
  constructor(numFeatures: number, placement: Placement = {}) {
    super(numFeatures, { momentum, eps, ...placement });
    this.registerBuffer('weight', this.weight!.detach());
  }
}

/** `gelu(norm2(conv2(gelu(norm1(maxpool2(conv1(x)))))))`: `[B, cIn, H, W]` → `[B, cOut, ⌊H / 2⌋, ⌊W / 2⌋]`. */
export class AirbenchGroup extends Module {
  readonly conv1: torch.nn.Conv2d;
  readonly norm1: ShiftNorm;
  readonly conv2: torch.nn.Conv2d;
  readonly norm2: ShiftNorm;

  constructor(cIn: number, cOut: number, placement: Placement = {}) {
    super();
    this.conv1 = identityConv(cIn, cOut, placement);
    this.norm1 = new ShiftNorm(cOut, placement);
    this.conv2 = identityConv(cOut, cOut, placement);
    this.norm2 = new ShiftNorm(cOut, placement);
  }

  forward(xs: torch.Tensor): torch.Tensor {
    const inner = F.gelu(this.norm1.call(F.maxPool2d(this.conv1.call(xs), 2)));
    return F.gelu(this.norm2.call(this.conv2.call(inner)));
  }
}

export interface AirbenchOptions {
  /** Default 10. */
  numClasses?: number;
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Channels of the first group; the others have four times as many. Default 64. */
  width?: number;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

/**
 * Images `[B, inChans, H, W]` → logits `[B, numClasses]`, for H and W from 9 on: the last pooling is the maximum over all that is
 * left (3 × 3 of 32 pixels, as published). In training it needs batches of two or more.
 */
export class Airbench extends Module implements FeatureNet {
  readonly numClasses: number;
  readonly numFeatures: number;
  readonly whiten: Whitening;
  readonly layers: torch.nn.ModuleList<AirbenchGroup>;
  readonly head: torch.nn.Linear;

  constructor({ numClasses = 10, inChans = 3, width = 64, device }: AirbenchOptions = {}) {
    super();
    this.numClasses = numClasses;
    this.numFeatures = 4 * width;
    this.whiten = new Whitening(inChans, { device });
    this.layers = new ModuleList([
      new AirbenchGroup(this.whiten.bias.size(0), width, { device }),
      new AirbenchGroup(width, 4 * width, { device }),
      new AirbenchGroup(4 * width, 4 * width, { device }),
    ]);
    this.head = new Linear(this.numFeatures, numClasses, { bias: false, device });
  }

  get classifier(): torch.nn.Linear {
    return this.head;
  }

  forward(images: torch.Tensor): torch.Tensor {
    return classifierLogits(this.head, this.features(images));
  }

  /** Returns a ninth of the last maxima, the input of the classifier, float32 under autocast: `[B, 4 · width]`. */
  features(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      let xs = F.gelu(this.whiten.call(images.contiguous({ memoryFormat: 'channels_last' })));
      for (const group of this.layers) xs = group.call(xs);
      const maxima = F.maxPool2d(xs, [xs.size(2), xs.size(3)]).flatten(1);
      return maxima.to(this.head.weight.dtype).mul(featureScale);
    });
  }
}

/** A 3 × 3 convolution without bias whose first `cIn` outputs are its inputs at first, as if it had a shortcut. */
function identityConv(cIn: number, cOut: number, placement: Placement): torch.nn.Conv2d {
  const conv = new Conv2d(cIn, cOut, 3, { padding: 1, bias: false, ...placement });
  torch.tidy(() => {
    const kept = conv.weight.detach().narrow(0, 0, Math.min(cIn, cOut));
    init.zeros_(kept);
    init.eye_(kept.select(3, 1).select(2, 1)); // the middle of each filter
  });
  return conv;
}

function requireSize(imageSize: ModelOptions['imageSize']): void {
  const sides = typeof imageSize === 'number' ? [imageSize] : (imageSize ?? [smallestSide]);
  if (Math.min(...sides) >= smallestSide) return;
  throw new UserError(
    'RECIPE',
    `airbench94 halves images three times, so they need at least ${smallestSide} × ${smallestSide} pixels; imageSize is ${sides.join(' × ')}. Set a larger imageSize, or another model`,
  );
}

/** The registry's entry by name. */
export const airbenchModels: Readonly<Record<string, ModelOfFamily>> = {
  airbench94: {
    options: z.object({ width }),
    create: ({ numClasses, inChans, imageSize, width, device }: ModelOptions) => {
      requireSize(imageSize);
      return new Airbench({ numClasses, inChans, width, device });
    },
  },
};

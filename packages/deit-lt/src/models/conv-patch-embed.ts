/**
 * Images as tokens by a stem of 3 × 3 convolutions (T. Xiao et al., "Early Convolutions Help Transformers See Better",
 * 2021), in place of one convolution whose windows do not overlap. Parameters are named as timm's `HybridEmbed` over a
 * sequence of `ConvNormAct`.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { ConvNorm } from './conv-norm.js';
import type { Grid } from './pos-embed.js';

const { Conv2d, Module, ModuleList, functional: F } = torch.nn;

/** From this patch size on the stem has no convolution at full resolution by default: images are large, so it would be slow. */
const largePatch = 16;
/** Fewest channels of a convolution when they are not given. */
const narrowest = 16;

export interface ConvPatchEmbedOptions extends torch.nn.PlacementOptions {
  /**
   * Channels of each 3 × 3 convolution; the last log2(`patchSize`) of them have stride 2. Default: `embedDim` for the
   * last, half as many for each before it, at least 16; one convolution more than those of stride 2, for patches of 16
   * pixels and more none.
   */
  channels?: readonly number[] | null | undefined;
}

/**
 * `[B, inChans, H, W]` → `[B, ⌈H / P⌉ · ⌈W / P⌉, embedDim]`, patches row by row. `P`, a power of two, is the stride of
 * all convolutions together. Parameters: those of the convolutions and batch norms in `backbone`, and of `proj`, a
 * 1 × 1 convolution. Throws `UserError` (`RECIPE`) for another `P` and for too few channels.
 */
export class ConvPatchEmbed extends Module {
  readonly patchSize: number;
  readonly backbone: torch.nn.ModuleList<ConvNorm>;
  readonly proj: torch.nn.Conv2d;

  constructor(patchSize: number, inChans: number, embedDim: number, options: ConvPatchEmbedOptions = {}) {
    const { channels, ...placement } = options;
    const halvings = halvingsOf(patchSize, 'conv');
    const widths = channels ?? usualChannels(halvings + (patchSize < largePatch ? 1 : 0), embedDim);
    if (widths.length < Math.max(1, halvings)) throw tooFew(widths, patchSize, halvings);
    super();
    this.patchSize = patchSize;
    const strideOf = (i: number): 1 | 2 => (widths.length - i <= halvings ? 2 : 1);
    this.backbone = new ModuleList(
      widths.map((cOut, i) => new ConvNorm(widths[i - 1] ?? inChans, cOut, 3, { stride: strideOf(i), ...placement })),
    );
    this.proj = new Conv2d(widths.at(-1)!, embedDim, 1, placement);
  }

  /** Returns the channels of each 3 × 3 convolution. */
  channels(): number[] {
    return [...this.backbone].map(({ conv }) => conv.outChannels);
  }

  /** Rows and columns of patches of an image: a patch at the right or bottom edge may be a part of one. */
  gridOf(height: number, width: number): Grid {
    return [Math.ceil(height / this.patchSize), Math.ceil(width / this.patchSize)];
  }

  /** ReLU in place: nothing else needs what it overwrites. The pixels of a patch are next to each other in memory. */
  forward(images: torch.Tensor): torch.Tensor {
    let xs = images.contiguous({ memoryFormat: 'channels_last' });
    for (const layer of this.backbone) xs = layer.call(xs).relu_();
    const patches = xs.permute(0, 2, 3, 1).flatten(1, 2); // [B, rows · columns, channels]
    return F.linear(patches, this.proj.weight.flatten(1), this.proj.bias);
  }
}

/** Number of times that a stem halves the side of an image. Throws `UserError` (`RECIPE`) for sides of patches that are not a power of two. */
export function halvingsOf(patchSize: number, patchEmbed: 'conv' | 'airbench'): number {
  const halvings = Math.log2(patchSize);
  if (Number.isInteger(halvings)) return halvings;
  throw new UserError(
    'RECIPE',
    `patchEmbed "${patchEmbed}" halves images several times, so patchSize must be a power of two; it is ${patchSize}. Set patchSize to 4, 8 or 16, or patchEmbed=linear`,
  );
}

function usualChannels(count: number, embedDim: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    Math.min(embedDim, Math.max(narrowest, Math.round(embedDim / 2 ** (count - 1 - i)))),
  );
}

function tooFew(channels: readonly number[], patchSize: number, halvings: number): UserError {
  return new UserError(
    'RECIPE',
    `stemChannels has ${channels.length} numbers, but patches of ${patchSize} pixels need at least ${Math.max(1, halvings)}, one for each convolution of stride 2`,
  );
}

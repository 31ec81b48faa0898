/**
 * Images as tokens by the convolutions of airbench94 (K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024,
 * arXiv 2404.00498): they learn from few images what the blocks of a transformer need many for.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { AirbenchGroup } from './airbench.js';
import { halvingsOf } from './conv-patch-embed.js';
import type { Grid } from './pos-embed.js';
import { Whitening } from './whitening.js';

const { Conv2d, Module, ModuleList, functional: F } = torch.nn;

/** Fewest channels of a group when they are not given. */
const narrowest = 8;

export interface AirbenchPatchEmbedOptions extends torch.nn.PlacementOptions {
  /**
   * Channels of each group of two convolutions; there are log2(`patchSize`) groups, and each halves the sides. Default: half of `embedDim`,
   * at least 8, for the first, and four times as many for the others, which are airbench94's own for an `embedDim` of 128.
   */
  channels?: readonly number[] | null | undefined;
}

/** The convolutions before the projection: `[B, inChans, H, W]` → `[B, channels, ⌊(H + 1) / P⌋, ⌊(W + 1) / P⌋]`. */
export class AirbenchBackbone extends Module {
  readonly whiten: Whitening;
  readonly layers: torch.nn.ModuleList<AirbenchGroup>;

  constructor(inChans: number, widths: readonly number[], placement: torch.nn.PlacementOptions = {}) {
    super();
    // With a border of one pixel the sides can be halved as often as in other stems; the network itself has none.
    this.whiten = new Whitening(inChans, { padding: 1, ...placement });
    const inputs = [this.whiten.bias.size(0), ...widths];
    this.layers = new ModuleList(widths.map((cOut, i) => new AirbenchGroup(inputs[i]!, cOut, placement)));
  }

  forward(images: torch.Tensor): torch.Tensor {
    let xs = F.gelu(this.whiten.call(images.contiguous({ memoryFormat: 'channels_last' })));
    for (const group of this.layers) xs = group.call(xs);
    return xs;
  }
}

/**
 * `[B, inChans, H, W]` → `[B, ⌊(H + 1) / P⌋ · ⌊(W + 1) / P⌋, embedDim]`, patches row by row. `P`, a power of two, is `patchSize`. Parameters:
 * those of a whitening and of groups as in `Airbench` in `backbone`, and of `proj`, a 1 × 1 convolution. Throws `UserError` (`RECIPE`)
 * for another `P` and for another number of channels.
 */
export class AirbenchPatchEmbed extends Module {
  readonly patchSize: number;
  readonly backbone: AirbenchBackbone;
  readonly proj: torch.nn.Conv2d;

  constructor(patchSize: number, inChans: number, embedDim: number, options: AirbenchPatchEmbedOptions = {}) {
    const { channels, ...placement } = options;
    const halvings = halvingsOf(patchSize, 'airbench');
    const widths = channels ?? usualChannels(halvings, embedDim);
    if (widths.length !== halvings || halvings === 0) throw otherCount(widths, patchSize, halvings);
    super();
    this.patchSize = patchSize;
    this.backbone = new AirbenchBackbone(inChans, widths, placement);
    this.proj = new Conv2d(widths.at(-1)!, embedDim, 1, placement);
  }

  /** Returns the channels of each group. */
  channels(): number[] {
    return [...this.backbone.layers].map(({ conv2 }) => conv2.outChannels);
  }

  /** Rows and columns of patches of an image: what a pooling of odd sides leaves over is in no patch. */
  gridOf(height: number, width: number): Grid {
    return [Math.floor((height + 1) / this.patchSize), Math.floor((width + 1) / this.patchSize)];
  }

  /** The pixels of a patch are next to each other in memory. */
  forward(images: torch.Tensor): torch.Tensor {
    const patches = this.backbone.call(images).permute(0, 2, 3, 1).flatten(1, 2); // [B, rows · columns, channels]
    return F.linear(patches, this.proj.weight.flatten(1), this.proj.bias);
  }
}

function usualChannels(groups: number, embedDim: number): number[] {
  const first = Math.max(narrowest, Math.round(embedDim / 2));
  return Array.from({ length: groups }, (_, i) => (i === 0 ? first : 4 * first));
}

function otherCount(channels: readonly number[], patchSize: number, halvings: number): UserError {
  return new UserError(
    'RECIPE',
    halvings === 0
      ? 'patchEmbed "airbench" halves images at least once, but patchSize is 1. Set patchSize to 2, 4 or 8, or another patchEmbed'
      : `stemChannels has ${channels.length} numbers, but patchEmbed "airbench" has ${halvings} groups of convolutions for patches of ${patchSize} pixels. Give one number for each group`,
  );
}

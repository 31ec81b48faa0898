/** Images as tokens: timm's `PatchEmbed` (Dosovitskiy et al., 2021), a convolution whose windows do not overlap. */
import * as torch from '@deit-lt/torch';
import type { Grid } from './pos-embed.js';

const F = torch.nn.functional;

/** `[B, inChans, H, W]` → `[B, (H / P) · (W / P), embedDim]`, patches row by row. Parameters: `proj`'s, of a convolution. */
export class PatchEmbed extends torch.nn.Module {
  readonly patchSize: number;
  readonly proj: torch.nn.Conv2d;

  constructor(patchSize: number, inChans: number, embedDim: number, placement: torch.nn.PlacementOptions = {}) {
    super();
    this.patchSize = patchSize;
    this.proj = new torch.nn.Conv2d(inChans, embedDim, patchSize, { stride: patchSize, ...placement });
  }

  /** Rows and columns of patches of an image; what is left over at its right and bottom edge is not seen. */
  gridOf(height: number, width: number): Grid {
    return [Math.floor(height / this.patchSize), Math.floor(width / this.patchSize)];
  }

  /** One product of all patches instead of a convolution: the same numbers, without its copies into other layouts. */
  forward(images: torch.Tensor): torch.Tensor {
    const { patchSize: p, proj } = this;
    const [batch = 0, channels = 0, height = 0, width = 0] = images.shape;
    const [rows, columns] = this.gridOf(height, width);
    const even = rows * p === height && columns * p === width;
    const whole = even ? images : images.narrow(2, 0, rows * p).narrow(3, 0, columns * p);
    const patches = whole
      .reshape(batch, channels, rows, p, columns, p)
      .permute(0, 2, 4, 1, 3, 5) // [B, rows, columns, channels, p, p]
      .reshape(batch, rows * columns, channels * p * p);
    return F.linear(patches, proj.weight.flatten(1), proj.bias);
  }
}

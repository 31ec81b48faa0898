// A network of one's own: a ConvMixer for small images, patches that are mixed by convolutions alone.
// A. Trockman and J. Z. Kolter, "Patches are all you need?", 2022, arXiv 2201.09792.
import { registerModel, torch, z } from 'deit-lt';

const { BatchNorm2d, Conv2d, Linear, Module, ModuleList } = torch.nn;
const { adaptiveAvgPool2d, gelu } = torch.nn.functional;

/** `x + BN(GELU(depthwise(x)))`, then `BN(GELU(pointwise(…)))`; `[B, C, H, W]` → the same. */
class Block extends Module {
  constructor(width, kernel, placement) {
    super();
    this.depthwise = new Conv2d(width, width, kernel, { groups: width, padding: 'same', ...placement });
    this.norm1 = new BatchNorm2d(width, placement);
    this.pointwise = new Conv2d(width, width, 1, placement);
    this.norm2 = new BatchNorm2d(width, placement);
  }

  forward(xs) {
    const mixed = xs.add(this.norm1.call(gelu(this.depthwise.call(xs))));
    return this.norm2.call(gelu(this.pointwise.call(mixed)));
  }
}

/** Images `[B, 3, H, W]` → logits `[B, numClasses]`. */
class ConvMixer extends Module {
  constructor({ numClasses, inChans = 3, width, depth, patchSize, kernel, device }) {
    super();
    this.numFeatures = width;
    this.stem = new Conv2d(inChans, width, patchSize, { stride: patchSize, device });
    this.norm = new BatchNorm2d(width, { device });
    this.blocks = new ModuleList(Array.from({ length: depth }, () => new Block(width, kernel, { device })));
    this.head = new Linear(width, numClasses, { device });
  }

  // With `features`, `classifier` and `numFeatures`, PaCo, GLMC, cRT and tau-normalisation know where the classifier is.
  get classifier() {
    return this.head;
  }

  features(images) {
    let xs = this.norm.call(gelu(this.stem.call(images)));
    for (const block of this.blocks) xs = torch.tidy(() => block.call(xs)); // frees what a block does not give on
    return adaptiveAvgPool2d(xs, 1).flatten(1);
  }

  forward(images) {
    return this.head.call(this.features(images));
  }
}

registerModel({
  name: 'conv_mixer',
  // The recipe's options: `--set teacher.model=conv_mixer teacher.model.depth=4`.
  options: z.object({
    width: z.int().positive().default(64).describe('channels'),
    depth: z.int().positive().default(4).describe('number of blocks'),
    patchSize: z.int().positive().default(2).describe('side of a patch in pixels'),
    kernel: z.int().positive().default(5).describe('side of the depthwise convolutions'),
  }),
  // Beside its options it gets `numClasses`, `imageSize` (side in pixels), `inChans` and `device`.
  create: (options) => new ConvMixer(options),
});

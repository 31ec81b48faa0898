/**
 * The Vision Transformer (Dosovitskiy et al., 2021) and the distilled one of DeiT (Touvron et al., 2021), which has a
 * second token and a second head. Parameters are named, ordered and initialised as in timm 0.8.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import { AirbenchPatchEmbed } from './airbench-patch-embed.js';
import { Block, layerNormEps } from './block.js';
import { ConvPatchEmbed } from './conv-patch-embed.js';
import { classifierLogits } from './full-precision.js';
import type { ModelOutput } from './model.js';
import { PatchEmbed } from './patch-embed.js';
import { type Grid, interpolatePositions } from './pos-embed.js';

const { LayerNorm, Linear, Module, ModuleList, Parameter, functional: F, init } = torch.nn;

export interface VisionTransformerOptions {
  /** Side of a square input in pixels, or height and width. Other sizes work too, by interpolation. Default 224. */
  imageSize?: number | readonly [height: number, width: number];
  /** Side of a patch in pixels. Default 16. */
  patchSize?: number;
  /**
   * How images become tokens; linear: one product for each patch; conv: several 3 × 3 convolutions with batch norm and
   * ReLU (`ConvPatchEmbed`); airbench: the convolutions of airbench94 (`AirbenchPatchEmbed`). Default linear.
   */
  patchEmbed?: 'linear' | 'conv' | 'airbench';
  /** Channels of each convolution of patchEmbed conv, or of each group of airbench. Default as in those two classes. */
  stemChannels?: readonly number[] | null;
  /** Channels of the input. Default 3. */
  inChans?: number;
  /** Default 1000. */
  numClasses?: number;
  /** Width of a token. Default 768. */
  embedDim?: number;
  /** Number of blocks. Default 12. */
  depth?: number;
  /** Must divide `embedDim`. Default 12. */
  numHeads?: number;
  /** Width of an MLP's middle layer over `embedDim`. Default 4. */
  mlpRatio?: number;
  /** Default true. */
  qkvBias?: boolean;
  /** Dropout of tokens and of both branches of a block. Default 0. */
  dropRate?: number;
  /** Dropout of attention weights. Default 0. */
  attnDropRate?: number;
  /** Drop path of the last block; it grows linearly from 0 at the first. Default 0. */
  dropPathRate?: number;
  /** Whether every block has `dropPathRate` (DeiT-III). Default false. */
  constantDropPath?: boolean;
  /**
   * Standard deviation of the normal distribution that CLS is drawn from, cut off at ±2 (DeiT-III: 0.02); null: timm's
   * 1e-6, not cut off. Default null.
   */
  clsStd?: number | null;
  /** Initial value of LayerScale's factors (DeiT-III); null: no LayerScale. Default null. */
  initValues?: number | null;
  /** Whether only patches have positional embeddings, not CLS and DIST (DeiT-III). Default false. */
  noEmbedClass?: boolean;
  /** Whether there are a DIST token and its head. Default false. */
  distilled?: boolean;
  /** Device of the parameters. Default the CPU. */
  device?: torch.Device;
}

/** Outputs of the last norm. */
export interface VitFeatures {
  /** `[B, D]` */
  cls: torch.Tensor;
  /** `[B, D]`; null in a plain model. */
  dist: torch.Tensor | null;
  /** `[B, N, D]`: CLS, DIST when there is one, then the patches row by row. */
  tokens: torch.Tensor;
}

/** Outputs of one block for a batch. */
export interface BlockView {
  /** Index of the block, from 0. */
  readonly block: number;
  /** Output of the block, before the last norm: `[B, N, D]`; for the last block only CLS and DIST. */
  readonly tokens: torch.Tensor;
  /** `[B, heads, N, N]`, float32. */
  readonly attention: torch.Tensor;
}

/**
 * Images `[B, inChans, H, W]` → logits `[B, numClasses]`; distilled: those of the CLS and of the DIST head, in
 * training and in evaluation. Throws `UserError` (`RECIPE`) for options that do not go together.
 */
export class VisionTransformer extends Module<[images: torch.Tensor], ModelOutput> {
  readonly distilled: boolean;
  readonly numClasses: number;
  readonly embedDim: number;
  /** Rows and columns of patches that the positional embeddings are for. */
  readonly grid: Grid;
  /** Tokens before the patches: 2 in a distilled model, else 1. */
  readonly prefixTokens: 1 | 2;
  /** Number of these that have positional embeddings: all or none. */
  readonly embeddedPrefix: 0 | 1 | 2;
  readonly dropRate: number;
  readonly clsStd: number | null;
  readonly clsToken: torch.nn.Parameter;
  readonly posEmbed: torch.nn.Parameter;
  readonly distToken: torch.nn.Parameter | null;
  readonly patchEmbed: PatchEmbed | ConvPatchEmbed | AirbenchPatchEmbed;
  readonly blocks: torch.nn.ModuleList<Block>;
  readonly norm: torch.nn.LayerNorm;
  readonly head: torch.nn.Linear;
  readonly headDist: torch.nn.Linear | null;

  constructor(options: VisionTransformerOptions = {}) {
    const { imageSize = 224, patchSize = 16, inChans = 3, numClasses = 1000, embedDim = 768, depth = 12 } = options;
    const { numHeads = 12, dropRate = 0, dropPathRate = 0, distilled = false, noEmbedClass = false } = options;
    const { mlpRatio, qkvBias, attnDropRate, initValues, constantDropPath = false, clsStd = null, device } = options;
    checkSizes(imageSize, patchSize, embedDim, numHeads);
    super();
    const [height, width] = pair(imageSize);
    const token = (count: number): torch.nn.Parameter =>
      torch.tidy(() => new Parameter(torch.zeros([1, count, embedDim], { device })));
    this.distilled = distilled;
    this.numClasses = numClasses;
    this.embedDim = embedDim;
    this.dropRate = dropRate;
    this.clsStd = clsStd;
    this.prefixTokens = distilled ? 2 : 1;
    this.embeddedPrefix = noEmbedClass ? 0 : this.prefixTokens;
    this.patchEmbed = patchEmbedOf({ ...options, patchSize, inChans, embedDim });
    this.grid = this.patchEmbed.gridOf(height, width);
    this.clsToken = token(1);
    this.posEmbed = token(this.embeddedPrefix + this.grid[0] * this.grid[1]);
    this.distToken = distilled ? token(1) : null;
    const block = { mlpRatio, qkvBias, dropRate, attnDropRate, initValues, device };
    this.blocks = new ModuleList(
      Array.from(
        { length: depth },
        (_, i) =>
          new Block(embedDim, numHeads, {
            ...block,
            dropPathRate: constantDropPath ? dropPathRate : dropPathOf(i, depth, dropPathRate),
          }),
      ),
    );
    this.norm = new LayerNorm(embedDim, { eps: layerNormEps, device });
    this.head = new Linear(embedDim, numClasses, { device });
    this.headDist = distilled ? new Linear(embedDim, numClasses, { device }) : null;
    this.resetParameters();
  }

  /**
   * Draws tokens, positions and linear layers again: normal with standard deviation 0.02, cut off at ±2; CLS as
   * `clsStd` says; biases 0. The patches' convolution keeps PyTorch's own initialisation, as in timm.
   */
  resetParameters(): void {
    init.truncNormal_(this.posEmbed, { std: 0.02 });
    if (this.clsStd === null) init.normal_(this.clsToken, { std: 1e-6 });
    else init.truncNormal_(this.clsToken, { std: this.clsStd });
    if (this.distToken !== null) init.truncNormal_(this.distToken, { std: 0.02 });
    for (const module of this.modules()) {
      if (!(module instanceof Linear)) continue;
      init.truncNormal_(module.weight, { std: 0.02 });
      if (module.bias !== null) init.zeros_(module.bias);
    }
  }

  /** Names of the parameters, besides biases and norms, that are not decayed. */
  noWeightDecay(): string[] {
    return ['pos_embed', 'cls_token', ...(this.distilled ? ['dist_token'] : [])];
  }

  forward(images: torch.Tensor): ModelOutput {
    return this.forwardHead(this.prefixFeatures(images));
  }

  /**
   * CLS and, when there is one, DIST after the last norm: `[B, prefixTokens, D]`. Of the last block only these tokens
   * are computed, since no others are used afterwards: three quarters of that block are saved.
   */
  prefixFeatures(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => this.norm.call(this.#encode(images, this.prefixTokens)));
  }

  /** Logits from `prefixFeatures`, in float32 also under autocast. */
  forwardHead(features: torch.Tensor): ModelOutput {
    return torch.tidy(() => {
      const cls = classifierLogits(this.head, features.select(1, 0));
      return this.headDist === null ? cls : [cls, classifierLogits(this.headDist, features.select(1, 1))];
    });
  }

  /**
   * The same as `forward`, and the attention of CLS to each patch in the last block: mean over the heads, without
   * gradient, `[B, patches]`, row by row. Costs one more product of the last block.
   */
  forwardWithAttention(images: torch.Tensor): { output: ModelOutput; attention: torch.Tensor } {
    return torch.tidy(() => {
      let attention: torch.Tensor | undefined;
      const look = (block: Block, tokens: torch.Tensor): void => {
        const all = torch.noGrad(() => block.attn.weightsOfFirst(block.norm1.call(tokens)));
        attention = all.narrow(1, this.prefixTokens, all.size(1) - this.prefixTokens);
      };
      const features = this.norm.call(this.#encode(images, this.prefixTokens, look));
      return { output: this.forwardHead(features), attention: attention! };
    });
  }

  /**
   * The same as `prefixFeatures`, in evaluation, while `look` is shown each block's work; its tensors are released when
   * it returns. One pass for all that an analysis asks for.
   */
  prefixFeaturesWatched(images: torch.Tensor, look: (view: BlockView) => void): torch.Tensor {
    return torch.tidy(() => {
      let xs = this.embed(images);
      let block = 0;
      for (const layer of this.blocks) {
        const isLast = block === this.blocks.length - 1;
        const { output, weights } = layer.forwardWithWeights(xs, isLast ? this.prefixTokens : undefined);
        torch.tidy(() => look({ block: block++, tokens: output, attention: weights }));
        weights.dispose();
        xs.dispose();
        xs = output;
      }
      return this.norm.call(xs);
    });
  }

  /** All tokens after the last norm. */
  forwardFeatures(images: torch.Tensor): VitFeatures {
    return torch.tidy(() => {
      const tokens = this.norm.call(this.#encode(images));
      return { cls: tokens.select(1, 0), dist: this.distilled ? tokens.select(1, 1) : null, tokens };
    });
  }

  /** Returns the output of each block, before the last norm: `depth` tensors `[B, N, D]`. */
  blockTokens(images: torch.Tensor): torch.Tensor[] {
    return torch.tidy(() => {
      const outputs: torch.Tensor[] = [];
      for (const block of this.blocks) outputs.push(block.call(outputs.at(-1) ?? this.embed(images)));
      return outputs;
    });
  }

  /** Returns the attention weights of each block: `depth` tensors `[B, heads, N, N]` whose rows sum to 1. */
  attentionMaps(images: torch.Tensor): torch.Tensor[] {
    return torch.tidy(() => {
      const maps: torch.Tensor[] = [];
      let xs = this.embed(images);
      for (const block of this.blocks) {
        maps.push(block.attentionWeights(xs));
        xs = block.call(xs);
      }
      return maps;
    });
  }

  /**
   * Tokens with their positions, as the first block gets them: `[B, N, D]`. Throws `UserError` (`RECIPE`) for images
   * smaller than a patch.
   */
  embed(images: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      const positions = this.positionsFor(images.size(2), images.size(3)); // first: it refuses images that are too small
      const patches = this.patchEmbed.call(images);
      const tokens = [this.clsToken, ...(this.distToken === null ? [] : [this.distToken])];
      const prefix = tokens.map((token) => token.expand(patches.size(0), -1, -1));
      const xs =
        this.embeddedPrefix === 0
          ? torch.cat([...prefix, patches.add(positions)], 1)
          : torch.cat([...prefix, patches], 1).add(positions);
      return this.dropRate === 0 ? xs : F.dropout(xs, { p: this.dropRate, training: this.training });
    });
  }

  /**
   * Returns the positional embeddings for images of this size in pixels, `[1, N, D]`; only those of the patches with
   * `noEmbedClass`.
   */
  positionsFor(height: number, width: number): torch.Tensor {
    const grid = this.patchEmbed.gridOf(height, width);
    if (grid[0] > 0 && grid[1] > 0) return interpolatePositions(this.posEmbed, this.embeddedPrefix, this.grid, grid);
    throw new UserError(
      'RECIPE',
      `images of ${height} × ${width} pixels are smaller than a patch of ${this.patchEmbed.patchSize}; use larger images or smaller patches`,
    );
  }

  /**
   * All blocks; of the last one only the first `count` tokens when given. `look` gets the last one and what goes into
   * it.
   */
  #encode(images: torch.Tensor, count?: number, look?: (block: Block, tokens: torch.Tensor) => void): torch.Tensor {
    let xs = this.embed(images);
    let left = this.blocks.length;
    for (const block of this.blocks) {
      if (--left === 0) look?.(block, xs);
      const next = block.call(xs, left === 0 ? count : undefined);
      xs.dispose(); // in evaluation nothing else holds it; in training autograd does
      xs = next;
    }
    return xs;
  }
}

function patchEmbedOf(
  options: VisionTransformerOptions & { patchSize: number; inChans: number; embedDim: number },
): VisionTransformer['patchEmbed'] {
  const { patchEmbed = 'linear', stemChannels, patchSize, inChans, embedDim, device } = options;
  const stem = { channels: stemChannels, device };
  if (patchEmbed === 'conv') return new ConvPatchEmbed(patchSize, inChans, embedDim, stem);
  if (patchEmbed === 'airbench') return new AirbenchPatchEmbed(patchSize, inChans, embedDim, stem);
  if (stemChannels === undefined || stemChannels === null)
    return new PatchEmbed(patchSize, inChans, embedDim, { device });
  throw new UserError(
    'RECIPE',
    'stemChannels are those of the convolutional stem, but patchEmbed is "linear": set patchEmbed=conv, or stemChannels=null',
  );
}

const pair = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : value;

/** 0 at the first block, `rate` at the last. */
function dropPathOf(block: number, depth: number, rate: number): number {
  return depth === 1 ? 0 : (rate * block) / (depth - 1);
}

function checkSizes(
  imageSize: number | readonly [number, number],
  patchSize: number,
  embedDim: number,
  numHeads: number,
): void {
  for (const side of pair(imageSize))
    if (side % patchSize !== 0)
      throw new UserError(
        'RECIPE',
        `imageSize ${side} is not a multiple of patchSize ${patchSize}; choose a patchSize that divides it`,
      );
  if (embedDim % numHeads !== 0)
    throw new UserError(
      'RECIPE',
      `numHeads ${numHeads} does not divide embedDim ${embedDim}; choose a divisor, such as ${Math.max(1, Math.floor(embedDim / 64))}`,
    );
}

/** A transformer block with norms before its two branches, and stochastic depth: timm's `Block`. */
import * as torch from '@deit-lt/torch';
import { Attention, type AttentionOptions } from './attention.js';
import { LayerScale } from './layer-scale.js';
import { Mlp } from './mlp.js';

const { LayerNorm, Module, functional: F } = torch.nn;

/**
 * timm's, not PyTorch's 1e-5. Norms stay in float32 under autocast: in bfloat16 libtorch 1.13 takes five times as long.
 */
export const layerNormEps = 1e-6;

export interface BlockOptions extends AttentionOptions {
  /** Width of the MLP's middle layer over `dim`. Default 4. */
  mlpRatio?: number;
  /** The share of samples for which a branch is left out in training. Default 0. */
  dropPathRate?: number;
  /** Initial value of LayerScale's factors after each branch; null: no LayerScale. Default null. */
  initValues?: number | null;
}

/** Tokens `[B, N, dim]` → the same: `x + ls1(attn(norm1(x)))`, then `x + ls2(mlp(norm2(x)))`. */
export class Block extends Module<[tokens: torch.Tensor, count?: number]> {
  readonly dropPathRate: number;
  readonly norm1: torch.nn.LayerNorm;
  readonly attn: Attention;
  readonly ls1: LayerScale | null;
  readonly norm2: torch.nn.LayerNorm;
  readonly mlp: Mlp;
  readonly ls2: LayerScale | null;

  constructor(dim: number, numHeads: number, options: BlockOptions = {}) {
    const { mlpRatio = 4, dropPathRate = 0, initValues = null, ...rest } = options;
    const { qkvBias, attnDropRate, dropRate, ...placement } = rest;
    super();
    const scale = (): LayerScale | null => (initValues === null ? null : new LayerScale(dim, initValues, placement));
    this.dropPathRate = dropPathRate;
    this.norm1 = new LayerNorm(dim, { eps: layerNormEps, ...placement });
    this.attn = new Attention(dim, numHeads, { qkvBias, attnDropRate, dropRate, ...placement });
    this.ls1 = scale();
    this.norm2 = new LayerNorm(dim, { eps: layerNormEps, ...placement });
    this.mlp = new Mlp(dim, Math.floor(dim * mlpRatio), { dropRate, ...placement });
    this.ls2 = scale();
  }

  /**
   * Returns the block's output. With `count` only the first `count` tokens are computed and returned, `[B, count,
   * dim]`.
   */
  forward(tokens: torch.Tensor, count?: number): torch.Tensor {
    const kept = count === undefined ? tokens : tokens.narrow(1, 0, count);
    const xs = this.#add(kept, this.attn.call(this.norm1.call(tokens), count), this.ls1);
    return this.#add(xs, this.mlp.call(this.norm2.call(xs)), this.ls2);
  }

  /** The same as `forward` in evaluation, with the attention between all tokens: `[B, heads, N, N]`, float32. */
  forwardWithWeights(tokens: torch.Tensor, count?: number): { output: torch.Tensor; weights: torch.Tensor } {
    return torch.tidy(() => {
      const kept = count === undefined ? tokens : tokens.narrow(1, 0, count);
      const { output, weights } = this.attn.forwardWithWeights(this.norm1.call(tokens), count);
      const xs = this.#add(kept, output, this.ls1);
      return { output: this.#add(xs, this.mlp.call(this.norm2.call(xs)), this.ls2), weights };
    });
  }

  /** Returns the attention weights of this block: `[B, heads, N, N]`. */
  attentionWeights(tokens: torch.Tensor): torch.Tensor {
    return torch.tidy(() => this.attn.weights(this.norm1.call(tokens)));
  }

  #add(xs: torch.Tensor, branch: torch.Tensor, scale: LayerScale | null): torch.Tensor {
    const scaled = scale === null ? branch : scale.call(branch);
    return xs.add(F.dropPath(scaled, { dropProb: this.dropPathRate, training: this.training }));
  }
}

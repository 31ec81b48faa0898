/** A transformer block with norms before its two branches, and stochastic depth: timm's `Block`. */
import * as torch from '@deit-lt/torch';
import { Attention, type AttentionOptions } from './attention.js';
import { Mlp } from './mlp.js';

const { LayerNorm, Module, functional: F } = torch.nn;

/** timm's, not PyTorch's 1e-5. Norms stay in float32 under autocast: in bfloat16 libtorch 1.13 takes five times as long. */
export const layerNormEps = 1e-6;

export interface BlockOptions extends AttentionOptions {
  /** Width of the MLP's middle layer over `dim`. Default 4. */
  mlpRatio?: number;
  /** The share of samples for which a branch is left out in training. Default 0. */
  dropPathRate?: number;
}

/** Tokens `[B, N, dim]` → the same: `x + attn(norm1(x))`, then `x + mlp(norm2(x))`. */
export class Block extends Module<[tokens: torch.Tensor, count?: number]> {
  readonly dropPathRate: number;
  readonly norm1: torch.nn.LayerNorm;
  readonly attn: Attention;
  readonly norm2: torch.nn.LayerNorm;
  readonly mlp: Mlp;

  constructor(dim: number, numHeads: number, options: BlockOptions = {}) {
    const { mlpRatio = 4, dropPathRate = 0, qkvBias, attnDropRate, dropRate, ...placement } = options;
    super();
    this.dropPathRate = dropPathRate;
    this.norm1 = new LayerNorm(dim, { eps: layerNormEps, ...placement });
    this.attn = new Attention(dim, numHeads, { qkvBias, attnDropRate, dropRate, ...placement });
    this.norm2 = new LayerNorm(dim, { eps: layerNormEps, ...placement });
    this.mlp = new Mlp(dim, Math.floor(dim * mlpRatio), { dropRate, ...placement });
  }

  /** With `count` only the first `count` tokens come out, `[B, count, dim]`, and only they are computed. */
  forward(tokens: torch.Tensor, count?: number): torch.Tensor {
    const kept = count === undefined ? tokens : tokens.narrow(1, 0, count);
    const xs = this.#add(kept, this.attn.call(this.norm1.call(tokens), count));
    return this.#add(xs, this.mlp.call(this.norm2.call(xs)));
  }

  /** How much each token looks at each in this block: `[B, heads, N, N]`. */
  attentionWeights(tokens: torch.Tensor): torch.Tensor {
    return torch.tidy(() => this.attn.weights(this.norm1.call(tokens)));
  }

  #add(xs: torch.Tensor, branch: torch.Tensor): torch.Tensor {
    return xs.add(F.dropPath(branch, { dropProb: this.dropPathRate, training: this.training }));
  }
}

/** Multi-head self-attention with one product for queries, keys and values: timm's `Attention`. */
import * as torch from '@deit-lt/torch';
import { outputParts } from './lora-linear.js';

const F = torch.nn.functional;

export interface AttentionOptions extends torch.nn.PlacementOptions {
  /** Default true. */
  qkvBias?: boolean;
  /** Dropout of the attention weights. Default 0. */
  attnDropRate?: number;
  /** Dropout of the result. Default 0. */
  dropRate?: number;
}

/** Queries, keys and values by head, each `[B, heads, N, headDim]`. */
type Heads = [q: torch.Tensor, k: torch.Tensor, v: torch.Tensor];

/** Tokens `[B, N, dim]` → the same. Parameters: `qkv` `[3 · dim, dim]` (queries, keys, values), `proj` `[dim, dim]`. */
export class Attention extends torch.nn.Module<[tokens: torch.Tensor, count?: number]> {
  readonly numHeads: number;
  readonly attnDropRate: number;
  readonly dropRate: number;
  readonly qkv: torch.nn.Linear;
  readonly proj: torch.nn.Linear;

  constructor(dim: number, numHeads: number, options: AttentionOptions = {}) {
    const { qkvBias = true, attnDropRate = 0, dropRate = 0, ...placement } = options;
    super();
    this.numHeads = numHeads;
    this.attnDropRate = attnDropRate;
    this.dropRate = dropRate;
    this.qkv = new torch.nn.Linear(dim, 3 * dim, { bias: qkvBias, ...placement });
    this.proj = new torch.nn.Linear(dim, dim, placement);
  }

  /**
   * Returns the attended tokens. With `count` only those of the first `count` queries, which attend to all tokens: `[B,
   * count, dim]`.
   */
  forward(tokens: torch.Tensor, count = tokens.size(1)): torch.Tensor {
    const [batch = 0, length = 0, dim = 0] = tokens.shape;
    const [q, k, v] = count === length ? this.#heads(tokens) : this.#headsOfFirst(tokens, count);
    const dropoutP = this.training ? this.attnDropRate : 0;
    const attended = F.scaledDotProductAttention(q, k, v, { dropoutP });
    const result = this.proj.call(attended.transpose(1, 2).reshape(batch, count, dim));
    return this.dropRate === 0 ? result : F.dropout(result, { p: this.dropRate, training: this.training });
  }

  /** The same as `forward`, with the attention weights of all tokens: `[B, heads, N, N]`, float32. */
  forwardWithWeights(tokens: torch.Tensor, count = tokens.size(1)): { output: torch.Tensor; weights: torch.Tensor } {
    const [batch = 0, , dim = 0] = tokens.shape;
    const [q, k, v] = this.#heads(tokens);
    const scores = q.mul(q.size(-1) ** -0.5).matmul(k.transpose(-2, -1));
    const weights = scores.float().softmax(-1);
    const attended = weights.narrow(2, 0, count).to(v.dtype).matmul(v).transpose(1, 2); // (B, count, heads, headDim)
    return { output: this.proj.call(attended.reshape(batch, count, dim)), weights };
  }

  /** Returns the attention weights of each token to each token: softmax of `q kᵀ / √headDim`, `[B, heads, N, N]`. */
  weights(tokens: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      const [q, k] = this.#heads(tokens);
      return q
        .mul(q.size(-1) ** -0.5)
        .matmul(k.transpose(-2, -1))
        .softmax(-1);
    });
  }

  /** The same only for the first token, mean over the heads: `[B, N]`. */
  weightsOfFirst(tokens: torch.Tensor): torch.Tensor {
    return torch.tidy(() => {
      const [q, k] = this.#headsOfFirst(tokens, 1);
      const weights = q.mul(q.size(-1) ** -0.5).matmul(k.transpose(-2, -1)); // (B, heads, 1, N)
      return weights.float().softmax(-1).mean([1, 2]);
    });
  }

  #heads(tokens: torch.Tensor): Heads {
    return this.#split(this.qkv.call(tokens), 3) as Heads;
  }

  /** Returns only the queries of the first tokens, which saves most of a third of the product. */
  #headsOfFirst(tokens: torch.Tensor, count: number): Heads {
    const dim = tokens.size(2);
    const [queries, keysValues] = outputParts(this.qkv, [dim, 2 * dim]);
    const [q] = this.#split(queries!(tokens.narrow(1, 0, count)), 1) as [torch.Tensor];
    const [k, v] = this.#split(keysValues!(tokens), 2) as [torch.Tensor, torch.Tensor];
    return [q, k, v];
  }

  /**
   * `[B, N, parts · dim]` → `parts` tensors `[B, heads, N, headDim]`. On the CPU they are brought together in one copy
   * here, where the products would else copy each; `unbind` has one copy as its gradient, where `select` has three.
   */
  #split(projected: torch.Tensor, parts: number): torch.Tensor[] {
    const [batch = 0, length = 0, width = 0] = projected.shape;
    const headDim = width / (parts * this.numHeads);
    const byPart = projected.view(batch, length, parts, this.numHeads, headDim).permute(2, 0, 3, 1, 4);
    return (projected.isCuda ? byPart : byPart.contiguous()).unbind(0);
  }
}

/** Attention rollout of single tokens on plain arrays, as `attentionRollout` computes it of all. For browsers. */

/** Shape of the output `attentions` for one image: `[depth, heads, tokens, tokens]`. */
export interface AttentionShape {
  readonly depth: number;
  readonly heads: number;
  readonly tokens: number;
}

/**
 * Row `token` of `M_last · … · M_first` with `M = (mean of the heads + 1) / row sums`: how much of each token reaches it.
 * Abnar and Zuidema, "Quantifying Attention Flow in Transformers", ACL 2020. From the last block to the first, so that
 * only a row is kept.
 */
export function rolloutRow(attentions: Float32Array, shape: AttentionShape, token: number): Float64Array {
  const { depth, heads, tokens } = shape;
  if (attentions.length !== depth * heads * tokens * tokens)
    throw new RangeError(
      `rolloutRow: ${attentions.length} values of attention, expected ${depth} · ${heads} · ${tokens} · ${tokens}`,
    );
  let row = new Float64Array(tokens);
  row[token] = 1;
  for (let block = depth - 1; block >= 0; block--) row = throughBlock(row, attentions, block, shape);
  return row;
}

/** `row · M` of one block. */
function throughBlock(row: Float64Array, attentions: Float32Array, block: number, { heads, tokens }: AttentionShape) {
  const result = new Float64Array(tokens);
  const fused = new Float64Array(tokens);
  for (let from = 0; from < tokens; from++) {
    if (row[from] === 0) continue;
    fused.fill(0);
    for (let head = 0; head < heads; head++) {
      const start = ((block * heads + head) * tokens + from) * tokens;
      for (let to = 0; to < tokens; to++) fused[to]! += attentions[start + to]! / heads;
    }
    fused[from]! += 1;
    const sum = fused.reduce((total, value) => total + value, 0);
    for (let to = 0; to < tokens; to++) result[to]! += (row[from]! * fused[to]!) / sum;
  }
  return result;
}

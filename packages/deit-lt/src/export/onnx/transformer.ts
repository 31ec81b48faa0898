/** The graph of a Vision Transformer, plain or distilled, as `VisionTransformer.forward` computes it in evaluation. */
import * as torch from '@deit-lt/torch';
import { AirbenchPatchEmbed } from '../../models/airbench-patch-embed.js';
import type { Attention } from '../../models/attention.js';
import type { Block } from '../../models/block.js';
import { ConvPatchEmbed } from '../../models/conv-patch-embed.js';
import { fold } from '../../models/fold-conv.js';
import type { LayerScale } from '../../models/layer-scale.js';
import { PatchEmbed } from '../../models/patch-embed.js';
import type { VisionTransformer } from '../../models/vit.js';
import { airbenchConvolutions } from './airbench.js';
import { gelu } from './gelu.js';
import type { GraphBuilder, Value } from './graph-builder.js';

export interface TransformerGraphOptions {
  /** Side of the input in pixels; positions are interpolated when the model was made for another. */
  readonly imageSize: number;
  /** Whether there is an output `attentions`. */
  readonly attention: boolean;
}

/** Logits `[B, C]` of each head, and how much each token looks at each in each block, `[B, depth, heads, N, N]`. */
export interface TransformerValues {
  readonly cls: Value;
  readonly dist: Value | null;
  readonly attentions: Value | null;
}

/** Builds the graph from normalised images `[B, 3, S, S]`. */
export function transformerGraph(
  graph: GraphBuilder,
  images: Value,
  model: VisionTransformer,
  { imageSize, attention }: TransformerGraphOptions,
): TransformerValues {
  let xs = embed(graph, images, model, imageSize);
  const maps: Value[] = [];
  const last = model.blocks.length - 1;
  for (const [i, block] of [...model.blocks].entries()) {
    // Of the last block only the first tokens are looked at, unless attention is requested: a quarter of its work.
    const count = i === last && !attention ? model.prefixTokens : null;
    const { tokens, weights } = blockGraph(graph, xs, `blocks.${i}`, block, count);
    xs = tokens;
    maps.push(graph.op('Unsqueeze', [weights, graph.ints([1])]));
  }
  const features = graph.layerNorm(xs, 'norm', model.norm);
  const head = (token: number, name: string, { weight, bias }: torch.nn.Linear): Value =>
    graph.classifier(tokenOf(graph, features, token), name, weight, bias);
  return {
    cls: head(0, 'head', model.head),
    dist: model.headDist === null ? null : head(1, 'head_dist', model.headDist),
    attentions: attention ? graph.op('Concat', maps, { axis: { int: 1 } }) : null,
  };
}

/** Tokens with their positions: `[B, N, D]`. */
function embed(graph: GraphBuilder, images: Value, model: VisionTransformer, imageSize: number): Value {
  const { patchEmbed, embedDim, prefixTokens, embeddedPrefix } = model;
  const grid = patchGrid(graph, images, patchEmbed); // [B, D, rows, columns]
  const flat = graph.op('Reshape', [grid, graph.ints([0, embedDim, -1])]);
  const patches = graph.op('Transpose', [flat], { perm: { ints: [0, 2, 1] } });
  return torch.tidy(() => {
    const positions = model.positionsFor(imageSize, imageSize);
    const tokens = torch.cat([model.clsToken, ...(model.distToken === null ? [] : [model.distToken])], 1);
    const length = positions.size(1) - embeddedPrefix;
    const prefix = embeddedPrefix === 0 ? tokens : tokens.add(positions.narrow(1, 0, prefixTokens));
    const placed = graph.op('Add', [patches, graph.weight('pos_embed', positions.narrow(1, embeddedPrefix, length))]);
    const batch = graph.op('Shape', [images], { start: { int: 0 }, end: { int: 1 } });
    const shape = graph.op('Concat', [batch, graph.ints([prefixTokens, embedDim])], { axis: { int: 0 } });
    const first = graph.op('Expand', [graph.weight('prefix_tokens', prefix), shape]);
    return graph.op('Concat', [first, placed], { axis: { int: 1 } });
  });
}

function patchGrid(graph: GraphBuilder, images: Value, patchEmbed: VisionTransformer['patchEmbed']): Value {
  const { proj, patchSize } = patchEmbed;
  const xs = stemGraph(graph, images, patchEmbed);
  const parameters = [
    graph.weight('patch_embed.proj.weight', proj.weight),
    graph.weight('patch_embed.proj.bias', proj.bias!),
  ];
  const stride = patchEmbed instanceof PatchEmbed ? patchSize : 1;
  return graph.op('Conv', [xs, ...parameters], { strides: { ints: [stride, stride] } });
}

/** The convolutions before the projection. Batch norms are folded into the convolutions before them. */
function stemGraph(graph: GraphBuilder, images: Value, patchEmbed: VisionTransformer['patchEmbed']): Value {
  const prefix = 'patch_embed.backbone.';
  if (patchEmbed instanceof AirbenchPatchEmbed) return airbenchConvolutions(graph, images, prefix, patchEmbed.backbone);
  let xs = images;
  for (const [i, layer] of patchEmbed instanceof ConvPatchEmbed ? [...patchEmbed.backbone].entries() : [])
    xs = torch.tidy(() => {
      const conv = fold(layer.pair(), 'float32');
      return graph.op('Relu', [graph.convolution(xs, `${prefix}${i}`, conv, conv)]);
    });
  return xs;
}

function blockGraph(
  graph: GraphBuilder,
  xs: Value,
  name: string,
  block: Block,
  count: number | null,
): { tokens: Value; weights: Value } {
  const normed = graph.layerNorm(xs, `${name}.norm1`, block.norm1);
  const { result, weights } = attentionGraph(graph, normed, `${name}.attn`, block.attn, count);
  const kept = count === null ? xs : firstTokens(graph, xs, count);
  const attended = graph.op('Add', [kept, scaled(graph, result, `${name}.ls1`, block.ls1)]);
  const { fc1, fc2 } = block.mlp;
  const inner = graph.linear(
    graph.layerNorm(attended, `${name}.norm2`, block.norm2),
    `${name}.mlp.fc1`,
    fc1.weight,
    fc1.bias,
  );
  const mlp = graph.linear(gelu(graph, inner), `${name}.mlp.fc2`, fc2.weight, fc2.bias);
  return { tokens: graph.op('Add', [attended, scaled(graph, mlp, `${name}.ls2`, block.ls2)]), weights };
}

/** Adds attention; with `count` only for the queries of the first tokens. */
function attentionGraph(
  graph: GraphBuilder,
  xs: Value,
  name: string,
  { qkv, proj, numHeads }: Attention,
  count: number | null,
): { result: Value; weights: Value } {
  const dim = qkv.inFeatures;
  const headDim = dim / numHeads;
  const [q, k, v] = torch.tidy(() => {
    const weights = qkv.weight.splitWithSizes([dim, dim, dim]);
    const biases = qkv.bias?.splitWithSizes([dim, dim, dim]) ?? [];
    const part = (i: number, label: string): Value =>
      graph.linear(
        i === 0 && count !== null ? firstTokens(graph, xs, count) : xs,
        `${name}.${label}`,
        weights[i]!,
        biases[i] ?? null,
      );
    return [part(0, 'q'), part(1, 'k'), part(2, 'v')];
  }) as [Value, Value, Value];
  const heads = (value: Value, perm: readonly number[]): Value => {
    const split = graph.op('Reshape', [value, graph.ints([0, -1, numHeads, headDim])]); // [B, N, heads, headDim]
    return graph.op('Transpose', [split], { perm: { ints: perm } });
  };
  const scaledQ = graph.op('Mul', [heads(q, [0, 2, 1, 3]), graph.number(headDim ** -0.5)]);
  const products = graph.op('MatMul', [scaledQ, heads(k, [0, 2, 3, 1])]); // [B, heads, N, N]
  const weights = graph.op('Softmax', [products], { axis: { int: -1 } });
  const attended = graph.op('MatMul', [weights, heads(v, [0, 2, 1, 3])]);
  const joined = graph.op('Reshape', [
    graph.op('Transpose', [attended], { perm: { ints: [0, 2, 1, 3] } }),
    graph.ints([0, -1, dim]),
  ]);
  return { result: graph.linear(joined, `${name}.proj`, proj.weight, proj.bias), weights };
}

function scaled(graph: GraphBuilder, xs: Value, name: string, scale: LayerScale | null): Value {
  return scale === null ? xs : graph.op('Mul', [xs, graph.weight(`${name}.gamma`, scale.gamma)]);
}

function firstTokens(graph: GraphBuilder, xs: Value, count: number): Value {
  return graph.op('Slice', [xs, graph.ints([0]), graph.ints([count]), graph.ints([1])]);
}

/** `[B, N, D]` → `[B, D]`. */
function tokenOf(graph: GraphBuilder, xs: Value, token: number): Value {
  const one = graph.op('Slice', [xs, graph.ints([token]), graph.ints([token + 1]), graph.ints([1])]);
  return graph.op('Squeeze', [one, graph.ints([1])]);
}

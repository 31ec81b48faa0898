/** The graph of a ResNet, ResNeXt or RegNet with its batch norms folded into the convolutions. */
import * as torch from '@deit-lt/torch';
import type { FoldedConv } from '../../models/fold-conv.js';
import { type FoldableNetwork, type FoldedBlock, foldNetwork, tensorsOf } from '../../models/fold-network.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/** Builds the graph from normalised images `[B, 3, H, W]` to logits `[B, C]`. */
export function convolutionalGraph(graph: GraphBuilder, images: Value, model: FoldableNetwork): Value {
  return torch.tidy(() => {
    const network = foldNetwork(model, 'float32');
    let xs = graph.op('Relu', [convolve(graph, images, 'stem', network.stem)]);
    if (network.pool) {
      const window = { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } };
      xs = graph.op('MaxPool', [xs], window);
    }
    for (const [i, block] of network.blocks.entries()) xs = blockGraph(graph, xs, `blocks.${i}`, block);
    const pooled = graph.op('Flatten', [graph.op('GlobalAveragePool', [xs])], { axis: { int: 1 } });
    const logits = classify(graph, pooled, network.classifier, network.classifierBias);
    for (const tensor of tensorsOf(network)) tensor.dispose();
    return logits;
  });
}

function convolve(graph: GraphBuilder, xs: Value, name: string, conv: FoldedConv): Value {
  return graph.convolution(xs, name, conv, conv);
}

function blockGraph(graph: GraphBuilder, xs: Value, name: string, { body, gate, shortcut }: FoldedBlock): Value {
  let ys = xs;
  for (const [i, conv] of body.entries()) {
    ys = convolve(graph, ys, `${name}.conv${i + 1}`, conv);
    if (i < body.length - 1) ys = graph.op('Relu', [ys]);
    if (i === 1 && gate !== null) {
      const inner = convolve(graph, graph.op('GlobalAveragePool', [ys]), `${name}.se.fc1`, gate.fc1);
      const shares = convolve(graph, graph.op('Relu', [inner]), `${name}.se.fc2`, gate.fc2);
      ys = graph.op('Mul', [ys, graph.op('Sigmoid', [shares])]);
    }
  }
  const added =
    'weight' in shortcut ? convolve(graph, xs, `${name}.shortcut`, shortcut) : plainShortcut(graph, xs, shortcut);
  return graph.op('Relu', [graph.op('Add', [ys, added])]);
}

/** Every `stride`-th pixel, and channels of zeros, half before and half after. */
function plainShortcut(graph: GraphBuilder, xs: Value, { stride, added }: { stride: number; added: number }): Value {
  const end = 2 ** 31 - 1;
  const places = [
    [0, 0],
    [end, end],
    [2, 3],
    [stride, stride],
  ].map((values) => graph.ints(values));
  const pixels = stride === 1 ? xs : graph.op('Slice', [xs, ...places]);
  if (added === 0) return pixels;
  const before = Math.floor(added / 2);
  return graph.op('Pad', [pixels, graph.ints([0, before, 0, 0, 0, added - before, 0, 0])]);
}

/** Adds the classifier, always in float32, which cosines need. */
function classify(graph: GraphBuilder, pooled: Value, weight: torch.Tensor, bias: torch.Tensor | null): Value {
  const features = graph.op('Cast', [pooled], { to: { int: 1 } });
  const matrix = graph.weight('classifier.weight', weight, { exact: true });
  if (bias !== null)
    return graph.op('Gemm', [features, matrix, graph.weight('classifier.bias', bias, { exact: true })]);
  const norm = graph.op('ReduceL2', [features], { axes: { ints: [1] }, keepdims: { int: 1 } });
  const smallest = torch.tidy(() => graph.weight('smallest_norm', torch.tensor([1e-12]), { exact: true }));
  return graph.op('MatMul', [graph.op('Div', [features, graph.op('Max', [norm, smallest])]), matrix]);
}

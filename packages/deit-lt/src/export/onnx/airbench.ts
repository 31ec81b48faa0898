/** The graph of an airbench network, as `Airbench.forward` computes it in evaluation. */
import * as torch from '@deit-lt/torch';
import { type Airbench, type AirbenchGroup, featureScale, type ShiftNorm } from '../../models/airbench.js';
import { fold } from '../../models/fold-conv.js';
import { gelu } from './gelu.js';
import type { GraphBuilder, Value } from './graph-builder.js';

/** Builds the graph from normalised images `[B, 3, S, S]` to logits `[B, C]`. */
export function airbenchGraph(graph: GraphBuilder, images: Value, model: Airbench): Value {
  const { head } = model;
  const xs = airbenchConvolutions(graph, images, '', model);
  const maxima = graph.op('Flatten', [graph.op('GlobalMaxPool', [xs])], { axis: { int: 1 } });
  const features = graph.op('Mul', [maxima, graph.number(featureScale)]);
  return graph.classifier(features, 'head', head.weight, head.bias);
}

/** Builds the graph of a whitening and of the groups after it; `prefix` is that of the names of their weights. */
export function airbenchConvolutions(
  graph: GraphBuilder,
  images: Value,
  prefix: string,
  { whiten, layers }: Pick<Airbench, 'whiten' | 'layers'>,
): Value {
  // Never in 8 bits: filters of directions that hardly occur would amplify the rounding of the pixels by up to 45.
  const parameters = [
    graph.weight(`${prefix}whiten.weight`, whiten.weight),
    graph.weight(`${prefix}whiten.bias`, whiten.bias),
  ];
  const pads = Array.from({ length: 4 }, () => whiten.padding);
  let xs = gelu(graph, graph.op('Conv', [images, ...parameters], { pads: { ints: pads } }));
  for (const [i, group] of [...layers].entries()) xs = groupGraph(graph, xs, `${prefix}layers.${i}`, group);
  return xs;
}

/** The first norm comes after a pooling, so it cannot be folded into the convolution for every gain. */
function groupGraph(
  graph: GraphBuilder,
  xs: Value,
  name: string,
  { conv1, norm1, conv2, norm2 }: AirbenchGroup,
): Value {
  return torch.tidy(() => {
    const same = { stride: 1, padding: 1, groups: 1 };
    const filtered = graph.convolution(xs, `${name}.conv1`, conv1, same);
    const window = { kernel_shape: { ints: [2, 2] }, strides: { ints: [2, 2] } };
    const inner = gelu(graph, normGraph(graph, graph.op('MaxPool', [filtered], window), `${name}.norm1`, norm1));
    const folded = fold([conv2, norm2], 'float32');
    return gelu(graph, graph.convolution(inner, `${name}.conv2`, folded, folded));
  });
}

/** `x · scale + shift` by channel. */
function normGraph(graph: GraphBuilder, xs: Value, name: string, norm: ShiftNorm): Value {
  const { weight, bias, runningMean, runningVar, eps } = norm;
  const scale = weight!.div(runningVar!.add(eps).sqrt());
  const shift = bias!.sub(runningMean!.mul(scale));
  const byChannel = (values: torch.Tensor): torch.Tensor => values.view([-1, 1, 1]);
  const scaled = graph.op('Mul', [xs, graph.weight(`${name}.scale`, byChannel(scale))]);
  return graph.op('Add', [scaled, graph.weight(`${name}.shift`, byChannel(shift))]);
}

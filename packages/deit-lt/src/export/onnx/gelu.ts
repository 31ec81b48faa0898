/** GELU as ONNX operators. */
import type { GraphBuilder, Value } from './graph-builder.js';

/** `x/2 · (1 + erf(x/√2))`: the operator Gelu is of opset 20. */
export function gelu(graph: GraphBuilder, xs: Value): Value {
  const error = graph.op('Erf', [graph.op('Div', [xs, graph.number(Math.SQRT2)])]);
  const grown = graph.op('Mul', [xs, graph.op('Add', [error, graph.number(1)])]);
  return graph.op('Mul', [grown, graph.number(0.5)]);
}

/** Builds an ONNX graph operator by operator; weights are stored in the precision that is requested. */
import * as torch from '@deit-lt/torch';
import {
  type AttributeValue,
  attribute,
  type ElementType,
  elementTypes,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type ValueInfo,
} from './proto.js';

/** `int8`: products with weights in 8 bits, inputs quantised as they come (dynamic); everything else float32. */
export type OnnxPrecision = 'fp32' | 'fp16' | 'int8';

/** The lowest with LayerNormalization, so that many runtimes have it. */
export const opset = 17;

/** The name of a value in the graph. */
export type Value = string;

export interface ConvolutionOptions {
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #quantised = new Map<Value, readonly Value[]>();
  readonly #inputs: ValueInfo[] = [];
  readonly #outputs: ValueInfo[] = [];
  #made = 0;

  constructor(readonly precision: OnnxPrecision) {}

  /** A float32 input, as it is worked with. */
  input(name: string, shape: ValueInfo['shape']): Value {
    this.#inputs.push({ name, shape });
    return this.precision === 'fp16' ? this.op('Cast', [name], { to: { int: elementTypes.float16 } }) : name;
  }

  /** Calls a value of the graph `name`, as float32. */
  output(name: string, value: Value, shape: ValueInfo['shape']): void {
    this.#outputs.push({ name, shape });
    this.#add('Cast', [value], [name], { to: { int: elementTypes.float32 } });
  }

  /** One operator with one output. */
  op(type: string, inputs: readonly Value[], attributes: Readonly<Record<string, AttributeValue>> = {}): Value {
    return this.ops(type, inputs, 1, attributes)[0]!;
  }

  /** One operator with `count` outputs. */
  ops(
    type: string,
    inputs: readonly Value[],
    count: number,
    attributes: Readonly<Record<string, AttributeValue>> = {},
  ): Value[] {
    const name = `${type}_${this.#made++}`;
    const outputs = Array.from({ length: count }, (_, i) => (count === 1 ? name : `${name}_${i}`));
    this.#add(type, inputs, outputs, attributes);
    return outputs;
  }

  /** A weight in the graph's precision, or in float32 when `exact`. */
  weight(name: string, tensor: torch.Tensor, { exact = false }: { exact?: boolean } = {}): Value {
    return this.#store(name, tensor, this.precision === 'fp16' && !exact ? 'float16' : 'float32');
  }

  /** A single number in the graph's precision, or in float32 when `exact`. */
  number(value: number, { exact = false }: { exact?: boolean } = {}): Value {
    const name = `number_${value}${exact ? '_exact' : ''}`;
    return torch.tidy(() => this.weight(name, torch.tensor([value]).view([]), { exact }));
  }

  /** Whole numbers: shapes, axes, places. */
  ints(values: readonly number[]): Value {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    const name = `ints_${values.join('_')}`;
    this.#initializers.set(name, { name, dims: [values.length], dataType: elementTypes.int64, rawData });
    return name;
  }

  /** `x · weight + bias`: `[…, in]` → `[…, out]`, `weight` is `[out, in]` as PyTorch keeps it. */
  linear(x: Value, name: string, weight: torch.Tensor, bias: torch.Tensor | null): Value {
    const product = torch.tidy(() => {
      const transposed = weight.t().contiguous();
      if (this.precision !== 'int8') return this.op('MatMul', [x, this.weight(`${name}.weight`, transposed)]);
      return this.#quantisedProduct('MatMulInteger', x, `${name}.weight`, transposed, { channel: 1 });
    });
    return bias === null ? product : this.op('Add', [product, this.weight(`${name}.bias`, bias)]);
  }

  /** The same for logits: in fp16 graphs in float32, so that two classes are not equal by rounding. */
  classifier(x: Value, name: string, weight: torch.Tensor, bias: torch.Tensor | null): Value {
    if (this.precision !== 'fp16') return this.linear(x, name, weight, bias);
    const features = this.op('Cast', [x], { to: { int: elementTypes.float32 } });
    const matrix = torch.tidy(() => this.weight(`${name}.weight`, weight.t().contiguous(), { exact: true }));
    const product = this.op('MatMul', [features, matrix]);
    return bias === null ? product : this.op('Add', [product, this.weight(`${name}.bias`, bias, { exact: true })]);
  }

  /** A 2-d convolution: `[B, cIn, H, W]` → `[B, cOut, H', W']`. */
  convolution(
    x: Value,
    name: string,
    { weight, bias }: { weight: torch.Tensor; bias: torch.Tensor | null },
    options: ConvolutionOptions,
  ): Value {
    const { stride, padding, groups } = options;
    const attributes = {
      strides: { ints: [stride, stride] },
      pads: { ints: [padding, padding, padding, padding] },
      group: { int: groups },
    };
    if (this.precision !== 'int8') {
      const biases = bias === null ? [] : [this.weight(`${name}.bias`, bias)];
      return this.op('Conv', [x, this.weight(`${name}.weight`, weight), ...biases], attributes);
    }
    const product = this.#quantisedProduct('ConvInteger', x, `${name}.weight`, weight, { channel: 0, attributes });
    if (bias === null) return product;
    return torch.tidy(() => this.op('Add', [product, this.weight(`${name}.bias`, bias.view([-1, 1, 1]))]));
  }

  layerNorm(x: Value, name: string, { weight, bias, eps }: torch.nn.LayerNorm): Value {
    const parameters = [this.weight(`${name}.weight`, weight!), this.weight(`${name}.bias`, bias!)];
    return this.op('LayerNormalization', [x, ...parameters], { axis: { int: -1 }, epsilon: { float: eps } });
  }

  build(name: string, version: string, metadata: Readonly<Record<string, string>>): OnnxModel {
    const initializers = [...this.#initializers.values()];
    return {
      name,
      version,
      metadata,
      opset,
      nodes: this.#nodes,
      initializers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /**
   * `x ≈ scale · (q − zero)` in 8 bits, its range measured as it comes; each output channel of the weight has a scale of its
   * own, and 128 for zero: unsigned on both sides is exact on processors whose signed products saturate.
   */
  #quantisedProduct(
    type: 'MatMulInteger' | 'ConvInteger',
    x: Value,
    name: string,
    weight: torch.Tensor,
    { channel, attributes = {} }: { channel: 0 | 1; attributes?: Readonly<Record<string, AttributeValue>> },
  ): Value {
    const [q, scale, zero] = this.#quantise(x);
    const { stored, scales } = torch.tidy(() => {
      const others = weight.shape.map((_, i) => i).filter((i) => i !== channel);
      const largest = weight.abs().amax(others, true).clamp(1e-12).div(127);
      const shape = type === 'ConvInteger' ? [-1, 1, 1] : [-1];
      const levels = weight.div(largest).round().add(128).to('uint8');
      return {
        stored: this.#store(`${name}.q`, levels, 'uint8'),
        scales: this.weight(`${name}.scale`, largest.reshape(shape)),
      };
    });
    const middle = torch.tidy(() => this.#store('zero_128', torch.tensor([128], { dtype: 'uint8' }).view([]), 'uint8'));
    const product = this.op(type, [q!, stored, zero!, middle], attributes);
    const asFloat = this.op('Cast', [product], { to: { int: elementTypes.float32 } });
    return this.op('Mul', [asFloat, this.op('Mul', [scale!, scales])]);
  }

  /** Once for all products of a value. */
  #quantise(x: Value): readonly Value[] {
    const known = this.#quantised.get(x) ?? this.ops('DynamicQuantizeLinear', [x], 3);
    this.#quantised.set(x, known);
    return known;
  }

  #store(name: string, tensor: torch.Tensor, type: ElementType): Value {
    if (!this.#initializers.has(name)) {
      const rawData = torch.tidy(() => bytesOf(tensor.detach(), type as 'float32' | 'float16' | 'uint8'));
      this.#initializers.set(name, { name, dims: tensor.shape, dataType: elementTypes[type], rawData });
    }
    return name;
  }

  #add(
    opType: string,
    input: readonly Value[],
    output: readonly Value[],
    attributes: Readonly<Record<string, AttributeValue>>,
  ): void {
    const all = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ opType, name: output[0]!, input, output, attribute: all });
  }
}

/** Row by row, in the type's own bytes. */
function bytesOf(tensor: torch.Tensor, type: 'float32' | 'float16' | 'uint8'): Uint8Array {
  const cpu = tensor.to('cpu').to(type).contiguous();
  const values = type === 'float16' ? torch.ops.aten.view.dtype(cpu, 'int16').toTypedArray() : cpu.toTypedArray();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

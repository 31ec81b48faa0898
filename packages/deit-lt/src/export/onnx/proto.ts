/**
 * The part of ONNX's file format that our graphs need, as descriptors for protobufjs; numbers are those of `onnx.proto3`.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import protobuf from 'protobufjs/light.js';

type Field = { id: number; type: string; rule?: 'repeated' };
const one = (id: number, type: string): Field => ({ id, type });
const many = (id: number, type: string): Field => ({ id, type, rule: 'repeated' });

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: one(1, 'int64'),
        producerName: one(2, 'string'),
        producerVersion: one(3, 'string'),
        graph: one(7, 'Graph'),
        opsetImport: many(8, 'OperatorSet'),
        metadataProps: many(14, 'Entry'),
      },
    },
    OperatorSet: { fields: { domain: one(1, 'string'), version: one(2, 'int64') } },
    Entry: { fields: { key: one(1, 'string'), value: one(2, 'string') } },
    Graph: {
      fields: {
        node: many(1, 'Node'),
        name: one(2, 'string'),
        initializer: many(5, 'Tensor'),
        input: many(11, 'ValueInfo'),
        output: many(12, 'ValueInfo'),
      },
    },
    Node: {
      fields: {
        input: many(1, 'string'),
        output: many(2, 'string'),
        name: one(3, 'string'),
        opType: one(4, 'string'),
        attribute: many(5, 'Attribute'),
      },
    },
    Attribute: {
      fields: {
        name: one(1, 'string'),
        f: one(2, 'float'),
        i: one(3, 'int64'),
        ints: many(8, 'int64'),
        type: one(20, 'int32'),
      },
    },
    Tensor: {
      fields: { dims: many(1, 'int64'), dataType: one(2, 'int32'), name: one(8, 'string'), rawData: one(9, 'bytes') },
    },
    ValueInfo: { fields: { name: one(1, 'string'), type: one(2, 'Type') } },
    Type: { fields: { tensorType: one(1, 'TensorType') } },
    TensorType: { fields: { elemType: one(1, 'int32'), shape: one(2, 'Shape') } },
    Shape: { fields: { dim: many(1, 'Dimension') } },
    Dimension: { fields: { dimValue: one(1, 'int64'), dimParam: one(2, 'string') } },
  },
});

const model = root.lookupType('Model');

/** ONNX's numbers of element types. */
export const elementTypes = { float32: 1, uint8: 2, int64: 7, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

/** An integer, a float, or integers. */
export type AttributeValue =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] };

export interface OnnxNode {
  readonly opType: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly object[];
}

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly rawData: Uint8Array;
}

/** A number, or a name for a size that is not fixed. */
export type Dimension = number | string;

export interface OnnxModel {
  readonly name: string;
  readonly opset: number;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** A float32 tensor that goes in or comes out. */
export interface ValueInfo {
  readonly name: string;
  readonly shape: readonly Dimension[];
}

export function attribute(name: string, value: AttributeValue): object {
  if ('int' in value) return { name, i: value.int, type: 2 };
  if ('float' in value) return { name, f: value.float, type: 1 };
  return { name, ints: value.ints, type: 7 };
}

/** The bytes of an `.onnx` file. */
export function encodeModel({
  name,
  opset,
  version,
  metadata,
  nodes,
  initializers,
  inputs,
  outputs,
}: OnnxModel): Uint8Array {
  const graph = {
    name,
    node: nodes,
    initializer: initializers,
    input: inputs.map(valueInfo),
    output: outputs.map(valueInfo),
  };
  const content = {
    irVersion: 8, // of opset 17
    producerName: 'deit-lt',
    producerVersion: version,
    graph,
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
  return model.encode(content).finish();
}

function valueInfo({ name, shape }: ValueInfo): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: elementTypes.float32, shape: { dim } } } };
}

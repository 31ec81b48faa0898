/**
 * Reads the metadata of an ONNX file, and checks that its weights are finite: fields of `ModelProto`.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/light.js';
import { UserError } from '../errors.js';
import { notFinite } from '../models/finite-weights.js';

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        graph: { id: 7, type: 'bytes' }, // a view of the file's bytes, not a copy
        metadataProps: { id: 14, type: 'Entry', rule: 'repeated' },
      },
    },
    Entry: { fields: { key: { id: 1, type: 'string' }, value: { id: 2, type: 'string' } } },
    Graph: { fields: { initializer: { id: 5, type: 'Tensor', rule: 'repeated' } } },
    Tensor: {
      fields: {
        dataType: { id: 2, type: 'int32' },
        floatData: { id: 4, type: 'float', rule: 'repeated' },
        name: { id: 8, type: 'string' },
        rawData: { id: 9, type: 'bytes' },
      },
    },
  },
});
const modelType = root.lookupType('Model');
const graphType = root.lookupType('Graph');

interface Model {
  readonly graph: Uint8Array;
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

interface Tensor {
  readonly dataType: number;
  readonly floatData: readonly number[];
  readonly name: string;
  readonly rawData: Uint8Array;
}

/**
 * The file's `metadata_props`. Throws UserError CHECKPOINT for a file that is no ONNX model, and for weights of it that are not
 * finite (those in the file; a model may keep others outside).
 */
export function onnxMetadata(file: string): Map<string, string> {
  const { graph, metadataProps } = decoded(file, () => modelType.decode(readFileSync(file)) as unknown as Model);
  if (graph.length === 0) throw noModel(file, 'it has no graph');
  const { initializer } = decoded(file, () => graphType.decode(graph) as unknown as { initializer: readonly Tensor[] });
  for (const tensor of initializer) if (!hasOnlyNumbers(tensor)) throw notFinite(tensor.name, file);
  return new Map(metadataProps.map(({ key, value }) => [key, value]));
}

/** Floats of 16, 32 and 64 bits: an exponent of ones is infinity or NaN. */
function hasOnlyNumbers({ dataType, floatData, rawData }: Tensor): boolean {
  if (dataType === elementTypes.float32 && rawData.length === 0) return floatData.every(Number.isFinite);
  const { buffer } = new Uint8Array(rawData); // aligned, and only its own: slice() of a Buffer shares memory
  if (dataType === elementTypes.float32) return without(0x7f800000, new Uint32Array(buffer, 0, rawData.length >> 2));
  if (dataType === elementTypes.float16) return without(0x7c00, new Uint16Array(buffer, 0, rawData.length >> 1));
  if (dataType === elementTypes.bfloat16) return without(0x7f80, new Uint16Array(buffer, 0, rawData.length >> 1));
  if (dataType === elementTypes.float64) return new Float64Array(buffer, 0, rawData.length >> 3).every(Number.isFinite);
  return true;
}

/** ONNX's numbers of element types. */
const elementTypes = { float32: 1, float16: 10, float64: 11, bfloat16: 16 } as const;

/** A loop, of the whole model: `every` takes four times as long. */
function without(exponent: number, values: Uint32Array | Uint16Array): boolean {
  for (let i = 0; i < values.length; i++) if ((values[i]! & exponent) === exponent) return false;
  return true;
}

function decoded<T>(file: string, decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw noModel(file, 'it is truncated, or in another format', cause);
  }
}

function noModel(file: string, why: string, cause?: unknown): UserError {
  return new UserError('CHECKPOINT', `${file} is not an ONNX model: ${why}.`, { cause });
}

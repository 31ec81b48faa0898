/**
 * What an ONNX file says beside its graph, without reading the graph: fields of `ModelProto`.
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs/light.js';
import { UserError } from '../errors.js';

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        graph: { id: 7, type: 'bytes' }, // a view of the file's bytes, not a copy
        metadataProps: { id: 14, type: 'Entry', rule: 'repeated' },
      },
    },
    Entry: { fields: { key: { id: 1, type: 'string' }, value: { id: 2, type: 'string' } } },
  },
});
const modelType = root.lookupType('Model');

interface Model {
  readonly graph: Uint8Array;
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

/** The file's `metadata_props`. Throws UserError CHECKPOINT for a file that is no ONNX model. */
export function onnxMetadata(file: string): Map<string, string> {
  const { graph, metadataProps } = decoded(file);
  if (graph.length === 0) throw noModel(file, 'it has no graph');
  return new Map(metadataProps.map(({ key, value }) => [key, value]));
}

function decoded(file: string): Model {
  const bytes = readFileSync(file);
  try {
    return modelType.decode(bytes) as unknown as Model;
  } catch (cause) {
    throw noModel(file, 'it is cut off, or in another format', cause);
  }
}

function noModel(file: string, why: string, cause?: unknown): UserError {
  return new UserError('CHECKPOINT', `${file} is no ONNX model: ${why}.`, { cause });
}

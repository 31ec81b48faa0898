/**
 * What an ONNX file says beside its graph, without reading the graph: the fields of `ModelProto`, of which the graph is one
 * that is stepped over. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { UserError } from '../errors.js';

/** Numbers of fields of `ModelProto`. */
const graphField = 7;
const metadataField = 14;

/** Whether a file is an ONNX model by its name. */
export function isOnnx(file: string): boolean {
  return /\.onnx$/i.test(file);
}

/** Where a network is needed of which the weights can be read and written. */
export function noNetwork(file: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file} is an ONNX model, which has no network to look into: eval, predict and --teacher take it. Here give the checkpoint that it was made of.`,
  );
}

/** The file's `metadata_props`. Throws UserError CHECKPOINT for a file that is no ONNX model. */
export function onnxMetadata(file: string): Map<string, string> {
  const descriptor = openSync(file, 'r');
  try {
    return new Fields(descriptor, fstatSync(descriptor).size).metadata();
  } catch (cause) {
    throw new UserError('CHECKPOINT', `${file} is no ONNX model: ${(cause as Error).message}.`, { cause });
  } finally {
    closeSync(descriptor);
  }
}

class Fields {
  #at = 0;

  constructor(
    readonly descriptor: number,
    readonly size: number,
  ) {}

  metadata(): Map<string, string> {
    const found = new Map<string, string>();
    let hasGraph = false;
    while (this.#at < this.size) {
      const tag = this.#varint();
      const length = this.#lengthOf(tag & 7);
      if (this.#at + length > this.size) throw new Error('it is cut off, or in another format');
      hasGraph ||= tag === graphField * 8 + 2;
      if (tag === metadataField * 8 + 2) found.set(...entry(this.#bytes(length)));
      this.#at += length;
    }
    if (!hasGraph) throw new Error('it has no graph');
    return found;
  }

  /** Of a field's content; a number that is written as a varint has been read then. */
  #lengthOf(wireType: number): number {
    if (wireType === 0) {
      this.#varint();
      return 0;
    }
    const length = wireType === 2 ? this.#varint() : { 1: 8, 5: 4 }[wireType];
    if (length === undefined) throw new Error('it is in another format');
    return length;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const [byte] = this.#bytes(1);
      if (byte === undefined) break;
      this.#at++;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new Error('it is cut off, or in another format');
  }

  #bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, readSync(this.descriptor, bytes, 0, length, this.#at));
  }
}

/** `StringStringEntryProto`: two strings. */
function entry(bytes: Buffer): [key: string, value: string] {
  const texts = ['', ''];
  for (let at = 0; at < bytes.length; ) {
    const field = bytes[at]! >> 3;
    let length = 0;
    let shift = 0;
    do {
      length += (bytes[++at]! & 127) * 2 ** shift;
      shift += 7;
    } while (bytes[at]! > 127);
    texts[field - 1] = bytes.toString('utf8', ++at, at + length);
    at += length;
  }
  return texts as [string, string];
}

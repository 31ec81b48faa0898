/**
 * The header of a safetensors file: 8 bytes of length, then JSON that gives each tensor's dtype, shape and
 * place in the data that follows. Everything is checked before anything is read or allocated by it.
 * https://huggingface.co/docs/safetensors, "Format".
 */
import { bitsOf, isStoredDType, type StoredDType, storedDTypes } from './dtypes.js';
import { quote, SafetensorsError } from './error.js';
import { HeaderScanner } from './scanner.js';

/** The format's own limit. */
export const maxHeaderBytes = 100_000_000;
/** Bytes before the header. */
export const lengthBytes = 8;
/** The one key that is not a tensor. */
export const metadataKey = '__metadata__';
/** libtorch's operators take no more dimensions. */
const maxDimensions = 64;

export interface StoredTensor {
  name: string;
  dtype: StoredDType;
  shape: number[];
  /** Place in the data: first byte, and the one after the last. */
  begin: number;
  end: number;
}

export interface Header {
  metadata: Record<string, string>;
  /** Tensors in the order of their data. */
  tensors: StoredTensor[];
}

/** The length of the header, from the file's first bytes. Throws unless the format and the file's size allow it. */
export function readHeaderLength(first: Uint8Array, fileSize: number, path?: string): number {
  if (fileSize < lengthBytes) {
    throw new SafetensorsError('TRUNCATED', 'the file ends before its header', {
      path,
      expected: 'at least 10 bytes',
      found: `${fileSize}`,
    });
  }
  const length = new DataView(first.buffer, first.byteOffset, lengthBytes).getBigUint64(0, true);
  if (length < 2n || length > BigInt(maxHeaderBytes)) {
    throw new SafetensorsError('HEADER_LENGTH', 'the length of the header; is this a safetensors file?', {
      path,
      expected: `2 to ${maxHeaderBytes} bytes`,
      found: `${length}`,
    });
  }
  if (Number(length) > fileSize - lengthBytes) {
    throw new SafetensorsError('TRUNCATED', 'the file ends inside its header', {
      path,
      expected: `a header of ${length} bytes`,
      found: `${fileSize - lengthBytes}`,
    });
  }
  return Number(length);
}

/** Reads and checks a header. Throws `SafetensorsError` for whatever the format does not allow. */
export function parseHeader(bytes: Uint8Array, dataLength: number, path?: string): Header {
  const scanner = new HeaderScanner(decodeText(bytes, path), path);
  if (!scanner.text.startsWith('{'))
    scanner.fail('HEADER_JSON', 'the header must begin with {', { found: quote(scanner.text.slice(0, 20)) });
  const header: Header = { metadata: {}, tensors: [] };
  scanner.object('the header', (name) => {
    if (name === metadataKey) header.metadata = parseMetadata(scanner);
    else header.tensors.push(parseTensor(scanner, name));
  });
  scanner.end();
  header.tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(header.tensors, dataLength, path);
  return header;
}

function decodeText(bytes: Uint8Array, path: string | undefined): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SafetensorsError('HEADER_TEXT', 'the header is not UTF-8 text', { path, cause });
  }
}

function parseMetadata(scanner: HeaderScanner): Record<string, string> {
  if (scanner.kind() !== 'an object')
    scanner.fail('METADATA', metadataKey, { expected: 'an object', found: scanner.kind() });
  const entries: [string, string][] = [];
  scanner.object(metadataKey, (key) =>
    entries.push([key, scanner.string(`${metadataKey}[${quote(key)}]`, 'METADATA')]),
  );
  return Object.fromEntries(entries);
}

function parseTensor(scanner: HeaderScanner, name: string): StoredTensor {
  scanner.tensor = name;
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  scanner.object('its entry', (field) => {
    if (field === 'dtype') dtype = scanner.string('dtype');
    else if (field === 'shape') shape = wholeNumbers(scanner, 'shape', 'SHAPE', maxDimensions);
    else if (field === 'data_offsets') offsets = wholeNumbers(scanner, 'data_offsets', 'OFFSETS', 2);
    else
      scanner.fail('FIELD', 'its entry has a field that the format does not have', {
        expected: 'dtype, shape and data_offsets',
        found: quote(field),
      });
  });
  if (dtype === undefined || shape === undefined || offsets === undefined) {
    return scanner.fail(
      'FIELD',
      `its entry lacks ${dtype === undefined ? 'dtype' : shape === undefined ? 'shape' : 'data_offsets'}`,
    );
  }
  const tensor = checkedTensor(scanner, name, dtype, shape, offsets);
  scanner.tensor = undefined;
  return tensor;
}

function wholeNumbers(scanner: HeaderScanner, what: string, code: 'SHAPE' | 'OFFSETS', most: number): number[] {
  const numbers: number[] = [];
  scanner.array(what, (i) => {
    if (i === most) scanner.fail(code, what, { expected: `at most ${most} numbers`, found: 'more' });
    numbers.push(scanner.wholeNumber(`${what}[${i}]`, code));
  });
  return numbers;
}

function checkedTensor(
  scanner: HeaderScanner,
  name: string,
  dtype: string,
  shape: number[],
  offsets: number[],
): StoredTensor {
  if (!isStoredDType(dtype))
    return scanner.fail('DTYPE', 'dtype', { expected: `one of ${storedDTypes.join(', ')}`, found: quote(dtype) });
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined)
    return scanner.fail('OFFSETS', 'data_offsets', { expected: '2 numbers', found: `${offsets.length}` });
  if (begin > end) scanner.fail('OFFSETS', 'data_offsets end before they begin', { found: `[${begin}, ${end}]` });
  const byteLength = byteLengthOf(dtype, shape);
  if (byteLength === undefined)
    return scanner.fail('SHAPE', 'the shape is too large', {
      expected: 'less than 2^53 bits of data',
      found: `${dtype} [${shape.join(', ')}]`,
    });
  if (!Number.isInteger(byteLength)) scanner.fail('SIZE', `${dtype} [${shape.join(', ')}] does not fill whole bytes`);
  if (end - begin !== byteLength)
    scanner.fail('SIZE', 'data_offsets', {
      expected: `${byteLength} bytes for ${dtype} [${shape.join(', ')}]`,
      found: `${end - begin} bytes in [${begin}, ${end}]`,
    });
  return { name, dtype, shape, begin, end };
}

/** Undefined where it cannot be counted. Sizes of 0 do not excuse the others: strides multiply those. */
function byteLengthOf(dtype: StoredDType, shape: readonly number[]): number | undefined {
  let bits = bitsOf(dtype);
  for (const size of shape) {
    bits *= Math.max(size, 1);
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return shape.includes(0) ? 0 : bits / 8;
}

/** The data must belong to the tensors byte by byte: no hole, no overlap, nothing missing, nothing left over. */
function checkCoverage(tensors: readonly StoredTensor[], dataLength: number, path: string | undefined): void {
  let end = 0;
  for (const tensor of tensors) {
    if (tensor.begin !== end) {
      const what = tensor.begin < end ? 'its data overlaps that of another tensor' : 'there is a hole before its data';
      throw new SafetensorsError('OFFSETS', what, {
        path,
        tensor: tensor.name,
        expected: `data from byte ${end}`,
        found: `${tensor.begin}`,
      });
    }
    end = tensor.end;
  }
  if (end > dataLength)
    throw new SafetensorsError('TRUNCATED', 'the file ends inside its data', {
      path,
      tensor: tensors.find((t) => t.end > dataLength)?.name,
      expected: `${end} bytes of data`,
      found: `${dataLength}`,
    });
  if (end < dataLength)
    throw new SafetensorsError('TRAILING', 'bytes after the last tensor', {
      path,
      expected: `${end} bytes of data`,
      found: `${dataLength}`,
    });
}

/** The file's first bytes for these tensors: length, JSON in their order, spaces up to a multiple of 8. */
export function buildHeader(tensors: readonly StoredTensor[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = tensors.map(
    ({ name, dtype, shape, begin, end }) =>
      `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`,
  );
  if (Object.keys(metadata).length > 0) entries.unshift(`"${metadataKey}":${JSON.stringify(metadata)}`);
  const json = Buffer.from(`{${entries.join(',')}}`);
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(lengthBytes + length, ' ');
  bytes.writeBigUInt64LE(BigInt(length));
  json.copy(bytes, lengthBytes);
  return bytes;
}

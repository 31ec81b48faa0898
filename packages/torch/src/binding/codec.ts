/**
 * JavaScript values to tagged words and back, by the types of an operator's schema.
 * The layout is described in native/codec.h; the tags repeat those there.
 */
import { describeValue, TorchError } from '../errors.js';
import { disposedError, TensorBase, wrapTensor } from '../tensor/base.js';
import { dtypeNumber, isDType } from '../tensor/dtype.js';
import { GeneratorBase } from './generator.js';
import { bytes, claimWords, f64, i64, wordCount } from './words.js';

export const Tag = {
  None: 0,
  Default: 1,
  Tensor: 2,
  Int: 3,
  BigInt: 4,
  Double: 5,
  Bool: 6,
  IntList: 7,
  DoubleList: 8,
  BoolList: 9,
  TensorList: 10,
  OptionalTensorList: 11,
  ScalarList: 12,
  String: 13,
  Device: 14,
  Generator: 15,
  WrappedNumber: 16,
  Argument: 17,
  Tuple: 18,
} as const;

/** Kinds of the numbers in a `WrappedNumber` and a `ScalarList`. */
const Kind = { Double: 0, Int: 1, BigInt: 2, Bool: 3 } as const;

/** libtorch's numbers of memory formats and layouts. */
export const memoryFormats = {
  contiguous_format: 0,
  preserve_format: 1,
  channels_last: 2,
  channels_last_3d: 3,
} as const;
export const layouts = {
  strided: 0,
  sparse_coo: 1,
  sparse_csr: 2,
  _mkldnn: 3,
  sparse_csc: 4,
  sparse_bsr: 5,
  sparse_bsc: 6,
} as const;
export type MemoryFormat = keyof typeof memoryFormats;
export type Layout = keyof typeof layouts;
/** A number as operators take it. Whole numbers travel as integers, so that integer tensors stay integer. */
export type Scalar = number | bigint | boolean;

/** Room that a single argument may need beyond its list; keeps the common path free of checks. */
const slack = 8;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Offset of the next word that is written or read. */
let at = 0;

/** Begins the words of a call. Returns its claim on them. */
export function startWords(first: number): number {
  f64[0] = first;
  at = 1;
  return claimWords();
}

export function startReading(): void {
  at = 0;
}

export function writeDefault(): void {
  f64[at++] = Tag.Default;
}

/** Says what was wrong with a value, without knowing whose argument it is; operator.ts adds that. */
export class Unfit extends Error {}

function unfit(expected: string, value: unknown): Unfit {
  return new Unfit(`must be ${expected}, got ${describeValue(value)}`);
}

/** Writes a value of one schema type, or throws `Unfit`. */
export type Encode = (value: unknown) => void;
/** Returns whether a value fits a schema type without conversion; overloads are chosen by it. */
export type Fits = (value: unknown) => boolean;

export interface Codec {
  encode: Encode;
  fits: Fits;
}

function reserve(n: number): void {
  if (at + n + slack > wordCount)
    throw new Unfit(`has ${n} values, too many for one call (at most ${wordCount - 2 * slack}); pass a tensor instead`);
}

function writeTensor(value: unknown): void {
  if (value instanceof TensorBase) {
    if (value.handle <= 0) throw disposedError(value);
    f64[at++] = Tag.Tensor;
    f64[at++] = value.handle;
  } else if (isScalar(value)) {
    // Takes part in type promotion as PyTorch's Python numbers do.
    f64[at++] = Tag.WrappedNumber;
    writeKindAndNumber(value);
  } else {
    throw unfit('a Tensor', value);
  }
}

/** For arguments that the operator writes to: a number would be changed and lost. */
function writeWrittenTensor(value: unknown): void {
  if (isScalar(value)) throw unfit('a Tensor, as the operator writes to it', value);
  writeTensor(value);
}

function writeKindAndNumber(value: number | bigint | boolean): void {
  if (typeof value === 'boolean') {
    f64[at++] = Kind.Bool;
    f64[at++] = value ? 1 : 0;
  } else if (typeof value === 'bigint') {
    f64[at++] = Kind.BigInt;
    i64[at++] = value;
  } else {
    f64[at++] = isWhole(value) ? Kind.Int : Kind.Double;
    f64[at++] = value;
  }
}

const fits64Bits = (value: bigint): boolean => BigInt.asIntN(64, value) === value;
const isWhole = (value: number): boolean => Number.isSafeInteger(value) && !Object.is(value, -0);

function writeInt(value: unknown): void {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw unfit('an integer (a BigInt beyond 2^53)', value);
    f64[at++] = Tag.Int;
    f64[at++] = value;
  } else if (typeof value === 'bigint') {
    if (!fits64Bits(value)) throw unfit('an integer of at most 64 bits', value);
    f64[at++] = Tag.BigInt;
    i64[at++] = value;
  } else {
    throw unfit('an integer', value);
  }
}

function writeScalar(value: unknown): void {
  if (typeof value === 'boolean') {
    f64[at++] = Tag.Bool;
    f64[at++] = value ? 1 : 0;
  } else if (typeof value === 'bigint' || (typeof value === 'number' && isWhole(value))) {
    writeInt(value);
  } else if (typeof value === 'number') {
    f64[at++] = Tag.Double;
    f64[at++] = value;
  } else {
    throw unfit('a number', value);
  }
}

function writeFloat(value: unknown): void {
  if (typeof value !== 'number') throw unfit('a number', value);
  f64[at++] = Tag.Double;
  f64[at++] = value;
}

function writeBool(value: unknown): void {
  if (typeof value !== 'boolean') throw unfit('true or false', value);
  f64[at++] = Tag.Bool;
  f64[at++] = value ? 1 : 0;
}

function writeText(tag: number, value: string): void {
  reserve(Math.ceil((value.length * 3) / 8));
  f64[at++] = tag;
  const { written } = encoder.encodeInto(value, bytes.subarray((at + 1) * 8));
  f64[at++] = written;
  at += Math.ceil(written / 8);
}

function writeString(value: unknown): void {
  if (typeof value !== 'string') throw unfit('a string', value);
  writeText(Tag.String, value);
}

function writeDevice(value: unknown): void {
  if (typeof value !== 'string') throw unfit("a device such as 'cpu' or 'cuda:0'", value);
  writeText(Tag.Device, value);
}

function writeGenerator(value: unknown): void {
  if (!(value instanceof GeneratorBase)) throw unfit('a Generator', value);
  f64[at++] = Tag.Generator;
  f64[at++] = value.index;
}

function writeNumberOf(names: Readonly<Record<string, number>>): Encode {
  return (value) => {
    if (typeof value !== 'string' || !Object.hasOwn(names, value))
      throw unfit(`one of ${Object.keys(names).join(', ')}`, value);
    f64[at++] = Tag.Int;
    f64[at++] = names[value] as number;
  };
}

function writeDType(value: unknown): void {
  if (!isDType(value)) throw unfit("a dtype such as 'float32'", value);
  f64[at++] = Tag.Int;
  f64[at++] = dtypeNumber(value);
}

function writeList(
  tag: number,
  value: unknown,
  expected: string,
  isItem: (item: unknown) => boolean,
  width: number,
  writeItem: (item: unknown) => void,
): void {
  if (!Array.isArray(value)) throw unfit(expected, value);
  const n = value.length;
  if (!Number.isSafeInteger(n)) throw unfit(expected, value); // of a Proxy
  reserve(n * width);
  f64[at++] = tag;
  f64[at++] = n;
  for (let i = 0; i < n; i++) {
    const item: unknown = value[i];
    if (!isItem(item)) throw new Unfit(`must be ${expected}; its item ${i} is ${describeValue(item)}`);
    writeItem(item);
  }
}

const isInteger: Fits = (value) => Number.isSafeInteger(value) || (typeof value === 'bigint' && fits64Bits(value));
/** Lists of integers travel as doubles: sizes, strides and dimensions are never beyond 2^53. */
const isSafeInteger: Fits = (value) => Number.isSafeInteger(typeof value === 'bigint' ? Number(value) : value);
const isNumber: Fits = (value) => typeof value === 'number';
const isBoolean: Fits = (value) => typeof value === 'boolean';
const isScalar = (value: unknown): value is number | bigint | boolean =>
  typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'bigint' && fits64Bits(value));
const isTensor: Fits = (value) => value instanceof TensorBase;
const isOptionalTensor: Fits = (value) => value === null || value instanceof TensorBase;
const isString: Fits = (value) => typeof value === 'string';
/** A list that is too long fits: its encoder says that it is, where walking 2^32 absent items would take minutes. */
const isListOf =
  (isItem: Fits): Fits =>
  (value) => {
    if (!Array.isArray(value)) return false;
    if (value.length > wordCount) return true;
    for (let i = 0; i < value.length; i++) if (!isItem(value[i])) return false; // also absent ones, unlike every()
    return true;
  };

const writePlain = (item: unknown): void => {
  f64[at++] = Number(item);
};
const writeHandle = (item: unknown): void => {
  const tensor = item as TensorBase;
  if (tensor.handle <= 0) throw disposedError(tensor);
  f64[at++] = tensor.handle;
};
const writeOptionalHandle = (item: unknown): void => {
  if (item === null) f64[at++] = 0;
  else writeHandle(item);
};
const writeListedScalar = (item: unknown): void => writeKindAndNumber(item as number | bigint | boolean);

const scalarCodecs: Record<string, Codec> = {
  Tensor: { encode: writeTensor, fits: isTensor },
  Scalar: { encode: writeScalar, fits: isScalar },
  int: { encode: writeInt, fits: isInteger },
  float: { encode: writeFloat, fits: isNumber },
  bool: { encode: writeBool, fits: isBoolean },
  str: { encode: writeString, fits: isString },
  Device: { encode: writeDevice, fits: isString },
  Generator: { encode: writeGenerator, fits: (value) => value instanceof GeneratorBase },
  ScalarType: { encode: writeDType, fits: isDType },
  Layout: { encode: writeNumberOf(layouts), fits: (value) => typeof value === 'string' && value in layouts },
  MemoryFormat: {
    encode: writeNumberOf(memoryFormats),
    fits: (value) => typeof value === 'string' && value in memoryFormats,
  },
};

const listCodecs: Record<string, Codec> = {
  int: {
    encode: (value) => writeList(Tag.IntList, value, 'an array of integers', isSafeInteger, 1, writePlain),
    fits: isListOf(isSafeInteger),
  },
  float: {
    encode: (value) => writeList(Tag.DoubleList, value, 'an array of numbers', isNumber, 1, writePlain),
    fits: isListOf(isNumber),
  },
  bool: {
    encode: (value) => writeList(Tag.BoolList, value, 'an array of booleans', isBoolean, 1, writePlain),
    fits: isListOf(isBoolean),
  },
  Scalar: {
    encode: (value) => writeList(Tag.ScalarList, value, 'an array of numbers', isScalar, 2, writeListedScalar),
    fits: isListOf(isScalar),
  },
  Tensor: {
    encode: (value) => writeList(Tag.TensorList, value, 'an array of Tensors', isTensor, 1, writeHandle),
    fits: isListOf(isTensor),
  },
  'Tensor?': {
    encode: (value) =>
      writeList(
        Tag.OptionalTensorList,
        value,
        'an array of Tensors and nulls',
        isOptionalTensor,
        1,
        writeOptionalHandle,
      ),
    fits: isListOf(isOptionalTensor),
  },
};

const unsupported = (type: string): Codec => ({
  encode: (value) => {
    throw new Unfit(
      `has the type ${type}, which the bridge does not convert; only its default can be used (got ${describeValue(value)})`,
    );
  },
  fits: () => false,
});

function optional({ encode, fits }: Codec): Codec {
  return {
    encode: (value) => {
      if (value === null) f64[at++] = Tag.None;
      else encode(value);
    },
    fits: (value) => value === null || fits(value),
  };
}

/** A list of given length takes a single value for all of its items, as in PyTorch: `int[2] stride` takes 2. */
function broadcast({ encode, fits }: Codec, size: number, isItem: Fits): Codec {
  return {
    encode: (value) => encode(isItem(value) ? new Array(size).fill(value) : value),
    fits: (value) => isItem(value) || fits(value),
  };
}

function makeCodec(type: string): Codec {
  if (type.endsWith('?')) return optional(codecOf(type.slice(0, -1)));
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (!list) return scalarCodecs[type] ?? unsupported(type);
  const [, item = '', size = ''] = list;
  const codec = listCodecs[item] ?? unsupported(type);
  return size !== '' && item !== 'Tensor'
    ? broadcast(codec, Number(size), (scalarCodecs[item] ?? unsupported(item)).fits)
    : codec;
}

const codecs = new Map<string, Codec>();

/** The same for an argument that the operator writes to. */
export const writtenTensorCodec: Codec = { encode: writeWrittenTensor, fits: isTensor };

/** Returns the codec that checks and writes values of a schema type (`Tensor`, `int[2]`, `ScalarType?`, …). */
export function codecOf(type: string): Codec {
  let codec = codecs.get(type);
  if (codec === undefined) {
    codec = makeCodec(type);
    codecs.set(type, codec);
  }
  return codec;
}

/** Reads the next result; `origin` names the operator, `args` are what in-place results refer to. */
export function readValue(origin: string, args: readonly unknown[]): unknown {
  const tag = f64[at++];
  switch (tag) {
    case Tag.Tensor:
      return wrapTensor(f64[at++] as number, origin);
    case Tag.Argument:
      return args[f64[at++] as number];
    case Tag.None:
      return null;
    case Tag.Int:
    case Tag.Double:
      return f64[at++];
    case Tag.BigInt:
      return i64[at++];
    case Tag.Bool:
      return f64[at++] !== 0;
    case Tag.TensorList:
      return readList().map((handle) => (handle === 0 ? null : wrapTensor(handle, origin)));
    case Tag.IntList:
    case Tag.DoubleList:
      return readList();
    case Tag.BoolList:
      return readList().map((x) => x !== 0);
    case Tag.String:
      return readText();
    case Tag.Tuple:
      return Array.from({ length: f64[at++] as number }, () => readValue(origin, args));
    default:
      throw new TorchError('OPERATOR', `internal: ${origin} returned a value with the unknown tag ${tag}`);
  }
}

/** Copied out first: wrapping a tensor may call the native side, which reuses the words. */
function readList(): number[] {
  const n = f64[at++] as number;
  const list = Array.from(f64.subarray(at, at + n));
  at += n;
  return list;
}

function readText(): string {
  const length = f64[at++] as number;
  const text = decoder.decode(bytes.subarray(at * 8, at * 8 + length));
  at += Math.ceil(length / 8);
  return text;
}

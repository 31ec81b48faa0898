/** Element types: PyTorch's names, their numbers in libtorch, and the typed array that holds each. */
import { describeValue, TorchError } from '../errors.js';

const table = {
  uint8: [0, 1],
  int8: [1, 1],
  int16: [2, 2],
  int32: [3, 4],
  int64: [4, 8],
  float16: [5, 2],
  float32: [6, 4],
  float64: [7, 8],
  complex64: [9, 8],
  complex128: [10, 16],
  bool: [11, 1],
  bfloat16: [15, 2],
} as const;

/** A tensor's element type, by PyTorch's name. */
export type DType = keyof typeof table;

/** All element types that the package reads and writes. */
export const dtypes = Object.keys(table) as DType[];

const byNumber = new Map<number, DType>(dtypes.map((name) => [table[name][0], name]));

export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(table, value);
}

/** libtorch's number of a dtype. Throws `TorchError` with the known names. */
export function dtypeNumber(dtype: unknown, where = 'dtype'): number {
  if (!isDType(dtype))
    throw new TorchError('ARGUMENT', `${where}: expected one of ${dtypes.join(', ')}, got ${describeValue(dtype)}`);
  return table[dtype][0];
}

/** The name of libtorch's element type number `n`; undefined for the quantized and 8-bit float types. */
export function nameOfDType(n: number): DType | undefined {
  return byNumber.get(n);
}

/** The dtype with libtorch's number `n`. Throws `TorchError` for the quantized and 8-bit float types. */
export function dtypeFromNumber(n: number): DType {
  const dtype = byNumber.get(n);
  if (dtype === undefined)
    throw new TorchError(
      'ARGUMENT',
      `this tensor has libtorch's element type number ${n}, which has no name here; convert it with to()`,
    );
  return dtype;
}

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  return table[dtype][1];
}

const ranges: Partial<Record<DType, { min: number | bigint; max: number | bigint }>> = {
  uint8: { min: -255, max: 255 },
  int8: { min: -128, max: 127 },
  int16: { min: -(2 ** 15), max: 2 ** 15 - 1 },
  int32: { min: -(2 ** 31), max: 2 ** 31 - 1 },
  int64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
};

/** The numbers that an integer dtype takes, undefined for others; negative ones wrap around in uint8, as in PyTorch. */
export function integerRange(dtype: DType): { min: number | bigint; max: number | bigint } | undefined {
  return ranges[dtype];
}

export function isInteger(dtype: DType): boolean {
  return dtype in ranges;
}

export function isFloatingPoint(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

export type TypedArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | Uint16Array;

/** The dtype that a typed array's elements have. Uint16Array has none of its own: libtorch 1.13 lacks uint16. */
export function dtypeOfArray(array: ArrayBufferView): DType | undefined {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Int16Array) return 'int16';
  return undefined;
}

/** The typed array that `toTypedArray` returns for a dtype. */
export interface TypedArrayOf {
  uint8: Uint8Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  float32: Float32Array;
  float64: Float64Array;
  bool: Uint8Array;
}

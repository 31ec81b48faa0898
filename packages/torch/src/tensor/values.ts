/** A tensor's values as JavaScript values: typed arrays and nested arrays. */
import { native } from '../binding/addon.js';
import { dispatch } from '../binding/packet.js';
import { TorchError } from '../errors.js';
import { handleOf, type TensorBase } from './base.js';
import { converted } from './converted.js';
import { dtypeOf, layoutOf, shapeOf } from './describe.js';
import { type DType, itemSize, type TypedArray } from './dtype.js';
import { tidy } from './scope.js';

/** The result of `toArray`: as many levels of arrays as the tensor has dimensions. */
export type NestedArray = number | bigint | boolean | NestedArray[];

const arrayClass = {
  uint8: Uint8Array,
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/** All values in row-major order; float16 and bfloat16 widened to float32. Throws `TorchError` for complex tensors. */
export function readTypedArray(tensor: TensorBase): TypedArray {
  const dtype = dtypeOf(tensor);
  if (dtype === 'float16' || dtype === 'bfloat16')
    return tidy(() => readTypedArray(converted(dispatch('detach', [tensor]) as TensorBase, { dtype: 'float32' })));
  const ArrayClass = (arrayClass as Partial<Record<DType, (typeof arrayClass)[keyof typeof arrayClass]>>)[dtype];
  if (ArrayClass === undefined) {
    throw new TorchError('ARGUMENT', `a ${dtype} tensor has no typed array; take torch.viewAsReal() of it first`);
  }
  const values: TypedArray = allocate<TypedArray>(
    ArrayClass,
    shapeOf(tensor).reduce((product, size) => product * size, 1),
  );
  copyTo(tensor, values);
  return values;
}

/** Copies the bytes of all values, row-major, in the tensor's own dtype. */
export function readBytes(tensor: TensorBase): Uint8Array {
  const count = shapeOf(tensor).reduce((product, size) => product * size, 1);
  const bytes = allocate(Uint8Array, count * itemSize(dtypeOf(tensor)));
  copyTo(tensor, bytes);
  return bytes;
}

/** JavaScript's own limits on arrays, as our error. */
function allocate<T>(ArrayClass: new (length: number) => T, length: number): T {
  try {
    return new ArrayClass(length);
  } catch (error) {
    throw new TorchError(
      'OUT_OF_MEMORY',
      `reading values: JavaScript has no array of ${length} elements: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

function copyTo(tensor: TensorBase, memory: ArrayBufferView): void {
  const layout = layoutOf(tensor);
  if (layout !== 'strided')
    throw new TorchError('ARGUMENT', `a ${layout} tensor has no values in row-major order; take toDense() of it first`);
  native().copyTo(handleOf(tensor), memory);
}

/** Nested arrays of numbers (booleans for bool, BigInt for int64 beyond 2^53). */
export function readArray(tensor: TensorBase): NestedArray {
  const values = readTypedArray(tensor);
  const isBool = dtypeOf(tensor) === 'bool';
  const convert = (value: number | bigint): number | bigint | boolean => {
    if (isBool) return value !== 0;
    if (typeof value === 'number') return value;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  };
  const shape = shapeOf(tensor);
  // A shape such as [2 ** 31, 0, 1] has no values, but as many arrays.
  const arrays = Math.max(
    1,
    ...shape.slice(0, -1).map((_, dim) => shape.slice(0, dim + 1).reduce((product, size) => product * size, 1)),
  );
  if (arrays > 2 ** 27)
    throw new TorchError(
      'OUT_OF_MEMORY',
      `toArray(): a shape of [${shape.join(', ')}] is ${arrays} arrays; take toTypedArray()`,
    );
  let next = 0;
  const build = (dim: number): NestedArray => {
    if (dim === shape.length) return convert(values[next++] as number | bigint);
    return Array.from({ length: shape[dim] as number }, () => build(dim + 1));
  };
  return build(0);
}

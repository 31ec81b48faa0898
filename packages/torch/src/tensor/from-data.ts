/** Tensors of JavaScript's values: numbers, nested arrays, typed arrays; what `torch.tensor()` and indices that are arrays both need. */
import { native } from '../binding/addon.js';
import { describeValue, TorchError } from '../errors.js';
import { releaseTensor, type TensorBase, wrapTensor } from './base.js';
import { converted } from './converted.js';
import { type DType, dtypeNumber, dtypeOfArray, integerRange, isDType, type TypedArray } from './dtype.js';

/** Numbers nested in arrays, typed arrays, or a single value. */
export type TensorData = number | bigint | boolean | TypedArray | readonly TensorData[];

/** A tensor on the CPU; the rules and errors are those of `torch.tensor()`. */
export function tensorOf(
  data: TensorData,
  { dtype, shape }: { dtype?: DType | undefined; shape?: readonly number[] | undefined },
): TensorBase {
  const flat = isTypedArray(data) ? { values: data, shape: [data.length] } : flatten(data);
  return fromFlat(flat.values, shape === undefined ? flat.shape : checkedShape(shape, flat.values.length), dtype);
}

/** Values of a flat list; those of other types are converted by libtorch from a wide type that holds them. */
function fromFlat(
  values: TypedArray | readonly (number | bigint | boolean)[],
  shape: readonly number[],
  dtype: DType | undefined,
): TensorBase {
  if (ArrayBuffer.isView(values)) {
    if (values instanceof Uint16Array) return convert(Int32Array.from(values), 'int32', shape, dtype ?? 'int32');
    const own = dtypeOfArray(values);
    if (own === undefined)
      throw new TorchError(
        'ARGUMENT',
        `tensor(): the elements of ${describeValue(values)} are no dtype of libtorch; convert it to another typed array first`,
      );
    return convert(unshared(values), own, shape, dtype ?? own);
  }
  const kind = typeof (values[0] ?? 0);
  if (!values.every((value) => typeof value === kind))
    throw new TorchError(
      'ARGUMENT',
      `tensor(): values of different types: ${kind} and ${typeof values.find((value) => typeof value !== kind)}`,
    );
  checkRange(values, dtype ?? (kind === 'bigint' ? 'int64' : 'float32'));
  if (kind === 'bigint') return convert(BigInt64Array.from(values as bigint[]), 'int64', shape, dtype ?? 'int64');
  if (kind === 'boolean') return convert(Uint8Array.from(values as boolean[], Number), 'bool', shape, dtype ?? 'bool');
  // float64 holds every number exactly; float32 is what most tensors are made as, so it is filled directly.
  const target = dtype ?? 'float32';
  return target === 'float32'
    ? convert(Float32Array.from(values as number[]), 'float32', shape, target)
    : convert(Float64Array.from(values as number[]), 'float64', shape, target);
}

/** Integers that wrap around silently would be wrong data; as in PyTorch, only unsigned types take negative numbers so. */
function checkRange(values: readonly (number | bigint | boolean)[], dtype: DType): void {
  const range = integerRange(dtype) ?? (typeof values[0] === 'bigint' ? integerRange('int64') : undefined);
  if (range === undefined) return;
  const wrong = values.findIndex((value) => !((value as number) >= range.min && (value as number) <= range.max));
  if (wrong >= 0) throw new TorchError('ARGUMENT', `tensor(): the value ${values[wrong]} does not fit ${dtype}`);
}

function convert(values: TypedArray, own: DType, shape: readonly number[], dtype: DType): TensorBase {
  if (!isDType(dtype)) dtypeNumber(dtype, 'tensor(): dtype');
  const copied = wrapTensor(native().copyFrom(values, dtypeNumber(own), shape), 'torch.tensor()');
  if (own === dtype) return copied;
  const result = converted(copied, { dtype });
  releaseTensor(copied);
  return result;
}

/** Walks nested arrays once; every level must have one length. */
function flatten(data: TensorData): { values: (number | bigint | boolean)[]; shape: number[] } {
  const shape: number[] = [];
  for (let level: TensorData | undefined = data; isArrayLike(level); level = level[0] as TensorData | undefined) {
    if (shape.push(level.length) > 64)
      throw new TorchError('ARGUMENT', 'tensor(): arrays are nested more than 64 deep');
  }
  const values: (number | bigint | boolean)[] = [];
  const walk = (item: TensorData, depth: number): void => {
    if (isArrayLike(item)) {
      if (item.length !== shape[depth])
        throw new TorchError(
          'ARGUMENT',
          `tensor(): expected arrays of length ${shape[depth] ?? 'none, but values,'} at depth ${depth}, got one of length ${item.length}`,
        );
      for (let i = 0; i < item.length; i++) walk(item[i] as TensorData, depth + 1);
    } else if (depth !== shape.length || !['number', 'bigint', 'boolean'].includes(typeof item)) {
      throw new TorchError(
        'ARGUMENT',
        `tensor(): expected ${depth < shape.length ? `an array of length ${shape[depth]}` : 'a number, a BigInt or a boolean'} at depth ${depth}, got ${describeValue(item)}`,
      );
    } else {
      values.push(item as number | bigint | boolean);
    }
  };
  walk(data, 0);
  return { values, shape };
}

function isArrayLike(value: unknown): value is readonly TensorData[] {
  return Array.isArray(value) || isTypedArray(value);
}

export function isTypedArray(value: unknown): value is TypedArray {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

export function isShared(array: TypedArray): boolean {
  return typeof SharedArrayBuffer === 'function' && (array.buffer as ArrayBufferLike) instanceof SharedArrayBuffer;
}

/** The native side reads no SharedArrayBuffer; copying one here also takes its values at one moment. */
export function unshared<A extends TypedArray>(array: A): A {
  return isShared(array) ? (array.slice() as A) : array;
}

export function checkedShape(shape: readonly number[], length: number): readonly number[] {
  const valid = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!valid || shape.reduce((product, size) => product * size, 1) !== length) {
    throw new TorchError(
      'ARGUMENT',
      `a shape must be an array of sizes with the product ${length}, the number of values; got ${describeValue(shape)}`,
    );
  }
  return shape;
}

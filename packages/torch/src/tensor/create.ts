/** Making tensors: from JavaScript values, filled, random, and as ranges. */
import { native } from '../binding/addon.js';
import type { Layout, MemoryFormat } from '../binding/codec.js';
import { requireOperator } from '../binding/operator.js';
import type { Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import type { Generator } from '../random.js';
import { wrapTensor } from './base.js';
import { type DType, dtypeNumber, dtypeOfArray, isDType, itemSize, type TypedArray } from './dtype.js';
import { Tensor } from './tensor.js';

export interface TensorOptions {
  dtype?: DType;
  device?: Device;
  requiresGrad?: boolean;
}

export interface FactoryOptions extends TensorOptions {
  layout?: Layout;
  memoryFormat?: MemoryFormat;
  pinMemory?: boolean;
}

export interface RandomOptions extends FactoryOptions {
  generator?: Generator;
}

/** Numbers nested in arrays, typed arrays, or a single value. */
export type TensorData = number | bigint | boolean | TypedArray | readonly TensorData[];

/**
 * A new tensor with a copy of `data`: a number, arrays nested to any depth, or a typed array.
 * Without `dtype`, numbers give float32 (JavaScript cannot tell 1 from 1.0), booleans bool, BigInts int64,
 * and a typed array its own type. `shape` re-arranges a flat array or typed array.
 * Throws `TorchError` for ragged arrays, mixed or unfit values, and a shape that does not fit.
 */
export function tensor(data: TensorData, { shape, dtype, ...options }: TensorOptions & { shape?: readonly number[] } = {}): Tensor {
  const flat = ArrayBuffer.isView(data) ? { values: data, shape: [data.length] } : flatten(data);
  const sizes = shape === undefined ? flat.shape : checkedShape(shape, flat.values.length);
  return finish(fromFlat(flat.values, sizes, dtype), options);
}

/**
 * A tensor over a typed array's own memory, without a copy: a change in one shows in the other, as
 * `torch.from_numpy`. The memory stays referenced while any tensor uses it. The array's buffer must not be
 * transferred to another thread or resized in that time.
 */
export function fromTypedArray(array: TypedArray, shape: readonly number[] = [array.length]): Tensor {
  const dtype = dtypeOfArray(array);
  if (dtype === undefined) throw new TorchError('ARGUMENT', `fromTypedArray: a ${array.constructor.name} has no dtype of its own; copy it with torch.tensor(array, { dtype: 'int32' })`);
  const buffer = array.buffer as ArrayBuffer & { resizable?: boolean };
  if (buffer.resizable) throw new TorchError('ARGUMENT', 'fromTypedArray: a resizable ArrayBuffer can move; copy it with torch.tensor()');
  return wrapTensor(native().shareFrom(array, dtypeNumber(dtype), checkedShape(shape, array.length)), 'torch.fromTypedArray()');
}

/** A tensor of any dtype from its raw little-endian bytes, copied. Throws `TorchError` unless the length fits. */
export function fromBytes(data: Uint8Array, { dtype, shape }: { dtype: DType; shape: readonly number[] }): Tensor {
  const expected = shape.reduce((product, size) => product * size, itemSize(dtype));
  if (data.byteLength !== expected) throw new TorchError('ARGUMENT', `fromBytes: ${dtype}[${shape.join(', ')}] takes ${expected} bytes, got ${data.byteLength}`);
  return wrapTensor(native().copyFrom(data, dtypeNumber(dtype), shape), 'torch.fromBytes()');
}

/** Values of a flat list; those of other types are converted by libtorch from a wide type that holds them. */
function fromFlat(values: TypedArray | readonly (number | bigint | boolean)[], shape: readonly number[], dtype: DType | undefined): Tensor {
  if (ArrayBuffer.isView(values)) {
    if (values instanceof Uint16Array) return convert(Int32Array.from(values), 'int32', shape, dtype ?? 'int32');
    const own = dtypeOfArray(values) as DType;
    return convert(values, own, shape, dtype ?? own);
  }
  const kind = typeof (values[0] ?? 0);
  if (!values.every((value) => typeof value === kind)) throw new TorchError('ARGUMENT', `tensor(): values of different types: ${kind} and ${typeof values.find((value) => typeof value !== kind)}`);
  if (kind === 'bigint') return convert(BigInt64Array.from(values as bigint[]), 'int64', shape, dtype ?? 'int64');
  if (kind === 'boolean') return convert(Uint8Array.from(values as boolean[], Number), 'bool', shape, dtype ?? 'bool');
  // float64 holds every number exactly; float32 is what most tensors are made as, so it is filled directly.
  const target = dtype ?? 'float32';
  return target === 'float32' ? convert(Float32Array.from(values as number[]), 'float32', shape, target) : convert(Float64Array.from(values as number[]), 'float64', shape, target);
}

function convert(values: TypedArray, own: DType, shape: readonly number[], dtype: DType): Tensor {
  if (!isDType(dtype)) dtypeNumber(dtype, 'tensor(): dtype');
  const copied = wrapTensor(native().copyFrom(values, dtypeNumber(own), shape), 'torch.tensor()');
  if (own === dtype) return copied;
  const converted = copied.to(dtype);
  copied.dispose();
  return converted;
}

/** Walks nested arrays once; every level must have one length. */
function flatten(data: TensorData): { values: (number | bigint | boolean)[]; shape: number[] } {
  const shape: number[] = [];
  for (let level: TensorData | undefined = data; isArrayLike(level); level = level[0] as TensorData | undefined) shape.push(level.length);
  const values: (number | bigint | boolean)[] = [];
  const walk = (item: TensorData, depth: number): void => {
    if (isArrayLike(item)) {
      if (item.length !== shape[depth]) throw new TorchError('ARGUMENT', `tensor(): expected arrays of length ${shape[depth] ?? 'none, but values,'} at depth ${depth}, got one of length ${item.length}`);
      for (const inner of item) walk(inner, depth + 1);
    } else if (depth !== shape.length || !['number', 'bigint', 'boolean'].includes(typeof item)) {
      throw new TorchError('ARGUMENT', `tensor(): expected ${depth < shape.length ? `an array of length ${shape[depth]}` : 'a number, a BigInt or a boolean'} at depth ${depth}, got ${describeValue(item)}`);
    } else {
      values.push(item as number | bigint | boolean);
    }
  };
  walk(data, 0);
  return { values, shape };
}

function isArrayLike(value: unknown): value is readonly TensorData[] {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

function checkedShape(shape: readonly number[], length: number): readonly number[] {
  const valid = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!valid || shape.reduce((product, size) => product * size, 1) !== length) {
    throw new TorchError('ARGUMENT', `a shape must be an array of sizes with the product ${length}, the number of values; got ${describeValue(shape)}`);
  }
  return shape;
}

function finish(made: Tensor, { device, requiresGrad = false }: TensorOptions): Tensor {
  const placed = device === undefined ? made : made.to(device);
  return requiresGrad ? placed.requiresGrad_() : placed;
}

type Sizes = readonly number[] | number;

function sizesOf(shape: Sizes, where: string): readonly number[] {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  if (!Array.isArray(sizes) || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new TorchError('ARGUMENT', `${where}: expected a shape such as [2, 3], got ${describeValue(shape)}`);
  }
  return sizes;
}

function factory(name: string, overload: string, args: readonly unknown[], { requiresGrad = false, generator, ...options }: RandomOptions): Tensor {
  const { dtype = 'float32', device, layout, memoryFormat, pinMemory } = options;
  const named = { dtype, device, layout, memory_format: memoryFormat, pin_memory: pinMemory, ...(generator ? { generator } : {}) };
  const made = requireOperator(`aten::${name}`, overload)(...args, named) as Tensor;
  return requiresGrad ? made.requiresGrad_() : made;
}

/** A tensor with whatever the memory held. float32 on the CPU unless `options` say otherwise, as for all below. */
export function empty(shape: Sizes, options: FactoryOptions = {}): Tensor {
  return factory('empty', 'memory_format', [sizesOf(shape, 'empty')], options);
}
export function zeros(shape: Sizes, options: FactoryOptions = {}): Tensor {
  return factory('zeros', '', [sizesOf(shape, 'zeros')], options);
}
export function ones(shape: Sizes, options: FactoryOptions = {}): Tensor {
  return factory('ones', '', [sizesOf(shape, 'ones')], options);
}
export function full(shape: Sizes, value: number | bigint | boolean, options: FactoryOptions = {}): Tensor {
  return factory('full', '', [sizesOf(shape, 'full'), value], options);
}
/** Uniform in [0, 1). */
export function rand(shape: Sizes, options: RandomOptions = {}): Tensor {
  return factory('rand', options.generator ? 'generator' : '', [sizesOf(shape, 'rand')], options);
}
/** Standard normal. */
export function randn(shape: Sizes, options: RandomOptions = {}): Tensor {
  return factory('randn', options.generator ? 'generator' : '', [sizesOf(shape, 'randn')], options);
}
/** Integers in [low, high), int64. */
export function randint(low: number, high: number, shape: Sizes, { dtype = 'int64', ...options }: RandomOptions = {}): Tensor {
  return factory('randint', options.generator ? 'low_generator' : 'low', [low, high, sizesOf(shape, 'randint')], { ...options, dtype });
}
/** A random permutation of 0 … n−1, int64. */
export function randperm(n: number, { dtype = 'int64', ...options }: RandomOptions = {}): Tensor {
  return factory('randperm', options.generator ? 'generator' : '', [n], { ...options, dtype });
}
/** 0 … end−1, or start, start+step, … below end; int64 when all are whole numbers, else float32. */
export function arange(start: number, end?: number, step = 1, { dtype, ...options }: FactoryOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const own = [from, to, step].every(Number.isInteger) ? 'int64' : 'float32';
  return factory('arange', 'start_step', [from, to, step], { ...options, dtype: dtype ?? own });
}
/** `steps` values from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options: FactoryOptions = {}): Tensor {
  return factory('linspace', '', [start, end, steps], options);
}
/** The identity matrix, or its first `m` columns. */
export function eye(n: number, m = n, options: FactoryOptions = {}): Tensor {
  return factory('eye', 'm', [n, m], options);
}

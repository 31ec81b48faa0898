/** Making tensors: from JavaScript values, filled, random, and as ranges. */
import { markAsUntransferable } from 'node:worker_threads';
import { native } from '../binding/addon.js';
import type { Layout, MemoryFormat } from '../binding/codec.js';
import { requireOperator } from '../binding/operator.js';
import type { Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import { checkNames } from '../options.js';
import type { Generator } from '../random.js';
import { wrapTensor } from './base.js';
import { type DType, dtypeNumber, dtypeOfArray, itemSize, type TypedArray } from './dtype.js';
import { checkedShape, isShared, isTypedArray, type TensorData, tensorOf, unshared } from './from-data.js';
import { isPlainObject } from './scope.js';
import type { Tensor } from './tensor.js';

export type { TensorData } from './from-data.js';

export interface TensorOptions {
  /** Default: that of each function, float32 where none is named. */
  dtype?: DType;
  /** Default `cpu`. */
  device?: Device;
  /** Whether autograd records what is done with it. Default false. */
  requiresGrad?: boolean;
}

export interface FactoryOptions extends TensorOptions {
  /** Default `strided`. */
  layout?: Layout;
  /** Only for `empty`. Default `contiguous_format`. */
  memoryFormat?: MemoryFormat;
  /** Page-locked memory, which a CUDA device copies from without waiting. Default false. */
  pinMemory?: boolean;
}

export interface RandomOptions extends FactoryOptions {
  /** Default: the device's own. */
  generator?: Generator;
}

/**
 * A new tensor with a copy of `data`: a number, arrays nested to any depth, or a typed array.
 * Without `dtype`, numbers give float32 (JavaScript cannot tell 1 from 1.0), booleans bool, BigInts int64,
 * and a typed array its own type. `shape` re-arranges a flat array or typed array.
 * Throws `TorchError` for ragged arrays, mixed or unfit values, and a shape that does not fit.
 */
export function tensor(data: TensorData, options: TensorOptions & { shape?: readonly number[] } = {}): Tensor {
  const { shape, dtype, ...others } = checkNames('tensor()', options, ['shape', 'dtype', 'device', 'requiresGrad']);
  return finish(tensorOf(data, { dtype, shape }) as Tensor, others);
}

/**
 * A tensor over a typed array's own memory, without a copy: a change in one shows in the other, as
 * `torch.from_numpy`. The memory stays referenced while any tensor uses it; a message to another thread copies the
 * buffer from now on (or throws, in newer Node) instead of taking it away. Do not call `buffer.transfer()` on it.
 */
export function fromTypedArray(array: TypedArray, shape?: readonly number[]): Tensor {
  const dtype = isTypedArray(array) ? dtypeOfArray(array) : undefined;
  if (dtype === undefined)
    throw new TorchError(
      'ARGUMENT',
      `fromTypedArray: expected a typed array whose elements are a dtype, got ${describeValue(array)}; torch.tensor() copies and converts`,
    );
  const buffer = array.buffer as ArrayBuffer & { resizable?: boolean };
  if (isShared(array))
    throw new TorchError(
      'ARGUMENT',
      'fromTypedArray: memory of a SharedArrayBuffer cannot be kept alive by a tensor; copy it with torch.tensor()',
    );
  if (buffer.resizable)
    throw new TorchError('ARGUMENT', 'fromTypedArray: a resizable ArrayBuffer can move; copy it with torch.tensor()');
  const sizes = checkedShape(shape ?? [array.length], array.length);
  markAsUntransferable(buffer);
  return wrapTensor(native().shareFrom(array, dtypeNumber(dtype), sizes), 'torch.fromTypedArray()') as Tensor;
}

/** A tensor of any dtype from its raw little-endian bytes, copied. Throws `TorchError` unless the length fits. */
export function fromBytes(data: Uint8Array, { dtype, shape }: { dtype: DType; shape: readonly number[] }): Tensor {
  const number = dtypeNumber(dtype, 'fromBytes: dtype');
  if (!isTypedArray(data))
    throw new TorchError('ARGUMENT', `fromBytes: expected a Uint8Array, got ${describeValue(data)}`);
  const sizes = sizesOf(shape, 'fromBytes');
  const expected = sizes.reduce((product, size) => product * size, itemSize(dtype));
  if (data.byteLength !== expected)
    throw new TorchError(
      'ARGUMENT',
      `fromBytes: ${dtype}[${sizes.join(', ')}] takes ${expected} bytes, got ${data.byteLength}`,
    );
  return wrapTensor(native().copyFrom(unshared(data), number, sizes), 'torch.fromBytes()') as Tensor;
}

function finish(made: Tensor, { device, requiresGrad = false }: TensorOptions): Tensor {
  const placed = device === undefined ? made : made.to(device);
  return requiresGrad ? placed.requiresGrad_() : placed;
}

type Sizes = readonly number[] | number;
/** A shape, or its sizes one by one; then options. */
type ShapeArguments<O> = [shape: Sizes, options?: O] | [...sizes: number[], options: O] | number[];
/** Up to `N` numbers, then options. */
type Numbers<O> = [...numbers: number[], options: O] | number[];

function sizesOf(shape: unknown, where: string): readonly number[] {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  if (!Array.isArray(sizes) || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new TorchError('ARGUMENT', `${where}: expected a shape such as [2, 3], got ${describeValue(shape)}`);
  }
  return sizes;
}

/** Separates the arguments before a last plain object, and that object. */
function withOptions<O extends object>(args: readonly unknown[]): { leading: readonly unknown[]; options: O } {
  const last = args.at(-1);
  if (last === undefined || isPlainObject(last)) return { leading: args.slice(0, -1), options: (last ?? {}) as O };
  return { leading: args, options: {} as O };
}

const factoryNames = ['dtype', 'device', 'requiresGrad', 'layout', 'memoryFormat', 'pinMemory', 'generator'] as const;

function factory(name: string, overload: string, args: readonly unknown[], options: RandomOptions): Tensor {
  const {
    requiresGrad = false,
    generator,
    dtype = 'float32',
    device,
    layout,
    memoryFormat,
    pinMemory,
  } = checkNames(`${name}()`, options, factoryNames);
  const named = {
    dtype,
    device,
    layout,
    memory_format: memoryFormat,
    pin_memory: pinMemory,
    ...(generator ? { generator } : {}),
  };
  const made = requireOperator(`aten::${name}`, overload)(...args, named) as Tensor;
  return requiresGrad ? made.requiresGrad_() : made;
}

function shaped(name: string, overload: string, args: readonly unknown[]): Tensor {
  const { leading, options } = withOptions<RandomOptions>(args);
  const shape = sizesOf(leading.length === 1 ? leading[0] : leading.length === 0 ? undefined : leading, name);
  return factory(name, options.generator ? 'generator' : overload, [shape], options);
}

/**
 * A tensor with whatever the memory held: `empty([2, 3])`, `empty(2, 3)`, options last. float32 on the CPU unless
 * `options` say otherwise, as for all below.
 */
export function empty(...args: ShapeArguments<FactoryOptions>): Tensor {
  return shaped('empty', 'memory_format', args);
}
/** All elements 0. */
export function zeros(...args: ShapeArguments<FactoryOptions>): Tensor {
  return shaped('zeros', '', args);
}
/** All elements 1. */
export function ones(...args: ShapeArguments<FactoryOptions>): Tensor {
  return shaped('ones', '', args);
}
/** All elements `value`; float32 also when it is a whole number or a boolean. */
export function full(shape: Sizes, value: number | bigint | boolean, options: FactoryOptions = {}): Tensor {
  return factory('full', '', [sizesOf(shape, 'full'), value], options);
}
/** Uniform in [0, 1). */
export function rand(...args: ShapeArguments<RandomOptions>): Tensor {
  return shaped('rand', '', args);
}
/** Standard normal. */
export function randn(...args: ShapeArguments<RandomOptions>): Tensor {
  return shaped('randn', '', args);
}
/** Integers in [low, high), int64: `randint(low, high, shape)`, or `randint(high, shape)` from 0. */
export function randint(high: number, shape: readonly number[], options?: RandomOptions): Tensor;
export function randint(low: number, high: number, shape: Sizes, options?: RandomOptions): Tensor;
export function randint(...args: readonly unknown[]): Tensor {
  const { leading, options } = withOptions<RandomOptions>(args);
  const [low, high, shape] = leading.length === 2 ? [0, ...leading] : leading;
  return factory('randint', options.generator ? 'low_generator' : 'low', [low, high, sizesOf(shape, 'randint')], {
    ...options,
    dtype: options.dtype ?? 'int64',
  });
}
/** A random permutation of 0 … n−1, int64. */
export function randperm(n: number, { dtype = 'int64', ...options }: RandomOptions = {}): Tensor {
  return factory('randperm', options.generator ? 'generator' : '', [n], { ...options, dtype });
}
/**
 * `arange(end)`, `arange(start, end)` or `arange(start, end, step)`, below `end`; int64 when all are whole numbers,
 * else float32.
 */
export function arange(...args: Numbers<FactoryOptions>): Tensor {
  const { leading, options } = withOptions<FactoryOptions>(args);
  const [start, end, step = 1, ...rest] = leading.length === 1 ? [0, ...leading] : leading;
  if (rest.length > 0 || end === undefined)
    throw new TorchError('ARGUMENT', `arange: expected 1 to 3 numbers and options, got ${leading.length} values`);
  const own = [start, end, step].every(Number.isInteger) ? 'int64' : 'float32';
  return factory('arange', 'start_step', [start, end, step], { ...options, dtype: options.dtype ?? own });
}
/** `steps` values from `start` to `end`, both included. */
export function linspace(start: number, end: number, steps: number, options: FactoryOptions = {}): Tensor {
  return factory('linspace', '', [start, end, steps], options);
}
/** The identity matrix, or `n` rows and `m` columns of it: `eye(n)`, `eye(n, m)`, options last. */
export function eye(...args: Numbers<FactoryOptions>): Tensor {
  const { leading, options } = withOptions<FactoryOptions>(args);
  const [n, m = n, ...rest] = leading;
  if (rest.length > 0 || n === undefined)
    throw new TorchError('ARGUMENT', `eye: expected 1 or 2 numbers and options, got ${leading.length} values`);
  return factory('eye', 'm', [n, m], options);
}

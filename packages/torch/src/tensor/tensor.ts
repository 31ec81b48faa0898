/**
 * The tensor that users hold: PyTorch's, under PyTorch's names in camelCase. Methods that are plain
 * operators are in methods.generated.ts; here is what needs more than one operator.
 */
import { runBackward } from '../autograd/run-backward.js';
import { native } from '../binding/addon.js';
import type { Layout, MemoryFormat, Scalar } from '../binding/codec.js';
import { dispatch } from '../binding/packet.js';
import { claimWords, f64 } from '../binding/words.js';
import type { Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import { inspectCustom } from '../inspect-custom.js';
import { checkNames } from '../options.js';
import { handleOf, registerTensorClass, releaseTensor, wrapTensor } from './base.js';
import * as describe from './describe.js';
import { type DType, isDType, isFloatingPoint, itemSize, type TypedArrayOf } from './dtype.js';
import { formatTensor } from './format.js';
import { assignAt, type IndexArray, type Slice, selectAt } from './indexing.js';
import { TensorMethods } from './methods.generated.js';
import { isPlainObject } from './scope.js';
import { type NestedArray, readArray, readTypedArray } from './values.js';

/** The properties that `to` changes; absent ones are unchanged. */
export interface ToOptions {
  dtype?: DType;
  device?: Device;
  /** Copies even when nothing changes. Default false. */
  copy?: boolean;
  /** Does not wait for a copy between page-locked memory and a device. Default false. */
  nonBlocking?: boolean;
  memoryFormat?: MemoryFormat;
}

export interface BackwardOptions {
  /** Default: 1 for a tensor of one element. */
  gradient?: Tensor;
  /** Keeps what the graph saved, so that it can be gone through again. Default: `createGraph`. */
  retainGraph?: boolean;
  /** Records the differentiation itself, for second derivatives. Default false. */
  createGraph?: boolean;
  /** Only these leaves get gradients. Default: all. */
  inputs?: readonly Tensor[];
}

/** One argument of `t.index(…)`. Strings are `'start:stop:step'`, any part may be left out, and `'...'`. */
export type Index = number | null | boolean | string | Slice | Tensor | IndexArray;

const toNames = ['dtype', 'device', 'copy', 'nonBlocking', 'memoryFormat'] as const;

/** PyTorch's tensor. `torch.tensor()` and the other functions make them, never `new`. */
export class Tensor extends TensorMethods<Tensor> implements Disposable {
  /** Sizes, outermost first. */
  get shape(): number[] {
    return describe.shapeOf(this);
  }

  /** Element type. */
  get dtype(): DType {
    return describe.dtypeOf(this);
  }

  /** Device of the values: `cpu`, `cuda:0`, … */
  get device(): Device {
    return describe.deviceOf(this);
  }

  /** Layout of the values: `strided`, or one of the sparse layouts. */
  get layout(): Layout {
    return describe.layoutOf(this);
  }

  /** Number of dimensions. */
  get ndim(): number {
    return describe.dimOf(this);
  }

  /** True for a tensor that no recorded operator made: its gradient is kept. */
  get isLeaf(): boolean {
    return describe.isLeafOf(this);
  }

  /** Returns whether the values are on a CUDA device. */
  get isCuda(): boolean {
    return this.device.startsWith('cuda');
  }

  /** Returns whether autograd records what is done with it. Setting it is `requiresGrad_`. */
  get requiresGrad(): boolean {
    return describe.requiresGradOf(this);
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }

  /** The gradient that `backward` left, or null. Setting null frees it. */
  get grad(): Tensor | null {
    const handle = handleOf(this);
    claimWords();
    f64[0] = handle;
    native().gradientOf();
    return f64[0] === 0 ? null : (wrapTensor(f64[0] as number, 'Tensor.grad') as Tensor);
  }

  set grad(value: Tensor | null) {
    const gradient = value === null || value === undefined ? 0 : handleOf(requireTensor(value, 'Tensor.grad'));
    const handle = handleOf(this);
    claimWords();
    f64[0] = handle;
    f64[1] = gradient;
    native().setGradient();
  }

  /** The transpose of a matrix. */
  get T(): Tensor {
    return dispatch('t', [this]) as Tensor;
  }

  /**
   * The shape, or the size of one dimension (negative: from the end). Throws `TorchError` for a dimension that is not
   * there.
   */
  size(): number[];
  size(dim: number): number;
  size(dim?: number): number | number[] {
    const shape = this.shape;
    if (dim === undefined) return shape;
    return oneOf(shape, dim, 'size()');
  }

  /** Elements between neighbours of each dimension, or of one. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number | number[] {
    const stride = describe.strideOf(this);
    if (dim === undefined) return stride;
    return oneOf(stride, dim, 'stride()');
  }

  /** Number of dimensions, as `ndim`. */
  dim(): number {
    return this.ndim;
  }

  /** Elements between the beginning of the memory and the first element. */
  storageOffset(): number {
    return describe.storageOffsetOf(this);
  }

  /** True when the values lie in memory in row-major order, or in that of `memoryFormat`, without gaps. */
  isContiguous(options: { memoryFormat?: MemoryFormat } = {}): boolean {
    const { memoryFormat = 'contiguous_format' } = checkNames('isContiguous()', options, ['memoryFormat']);
    return describe.isContiguous(this, memoryFormat);
  }

  /** Bytes of one element. */
  elementSize(): number {
    return itemSize(this.dtype);
  }

  /** Number of elements. */
  numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** The value of a tensor with one element; a BigInt only beyond 2^53. Waits for the device. */
  item(): number | bigint | boolean {
    return dispatch('item', [this]) as number | bigint | boolean;
  }

  /** The value of a tensor with one element as a number. */
  toNumber(): number {
    return Number(this.item());
  }

  /**
   * All values in row-major order, copied into a typed array of the dtype: `Float32Array` for float32,
   * and for float16 and bfloat16, which are widened without loss; `BigInt64Array` for int64; `Uint8Array`
   * of 0 and 1 for bool.
   */
  toTypedArray<D extends keyof TypedArrayOf = 'float32'>(): TypedArrayOf[D] {
    return readTypedArray(this) as TypedArrayOf[D];
  }

  /** All values as nested arrays; a number for a tensor without dimensions. int64 beyond 2^53 as BigInt. */
  toArray(): NestedArray {
    return readArray(this);
  }

  /**
   * The same values with another dtype, device or memory format: the tensor itself when nothing changes.
   * `to('float64')`, `to('cuda:0')`, `to('cuda', 'float16')`, `to(other)`, each with options, or only options.
   */
  to(device: Device, dtype: DType, options?: ToOptions): Tensor;
  to(target: DType | Device | Tensor | ToOptions, options?: ToOptions): Tensor;
  to(target: DType | Device | Tensor | ToOptions, second: DType | ToOptions = {}, third: ToOptions = {}): Tensor {
    const options: ToOptions = typeof second === 'string' ? { ...third, dtype: second } : second;
    const wanted: ToOptions = checkNames('to()', { ...options, ...targetOptions(target) }, toNames);
    const { dtype = this.dtype, device = this.device, copy = false, nonBlocking = false, memoryFormat } = wanted;
    const changes = copy || dtype !== this.dtype || !sameDevice(device, this.device) || memoryFormat !== undefined;
    return changes ? (dispatch('to', [this, device, dtype, nonBlocking, copy, memoryFormat ?? null]) as Tensor) : this;
  }

  /** `to('cpu')`. */
  cpu(): Tensor {
    return this.to('cpu');
  }
  /** `to(device)`, by default the current CUDA device. */
  cuda(device: Device = 'cuda'): Tensor {
    return this.to(device);
  }
  /** `to('float32')`. */
  float(): Tensor {
    return this.to('float32');
  }
  /** `to('float64')`. */
  double(): Tensor {
    return this.to('float64');
  }
  /** `to('float16')`. */
  half(): Tensor {
    return this.to('float16');
  }
  /** `to('bfloat16')`. */
  bfloat16(): Tensor {
    return this.to('bfloat16');
  }
  /** `to('int32')`. */
  int(): Tensor {
    return this.to('int32');
  }
  /** `to('uint8')`. */
  byte(): Tensor {
    return this.to('uint8');
  }
  /** `to('int8')`. */
  char(): Tensor {
    return this.to('int8');
  }
  /** `to('int16')`. */
  short(): Tensor {
    return this.to('int16');
  }
  /** `to('int64')`. */
  long(): Tensor {
    return this.to('int64');
  }
  /** `to('bool')`. */
  bool(): Tensor {
    return this.to('bool');
  }

  /** Makes autograd record what is done with this leaf. Returns itself. Throws `TorchError` for integer tensors. */
  requiresGrad_(requiresGrad = true): this {
    if (requiresGrad && !isFloatingPoint(this.dtype) && !this.dtype.startsWith('complex')) {
      throw new TorchError(
        'ARGUMENT',
        `requiresGrad: only floating point tensors can have gradients, this one is ${describe.describeTensor(this)}`,
      );
    }
    dispatch('requires_grad_', [this, requiresGrad]);
    return this;
  }

  /** Adds the gradient of this tensor with respect to all leaves that it was computed from to their `grad`. */
  backward(options: BackwardOptions = {}): void {
    const names = ['gradient', 'createGraph', 'retainGraph', 'inputs'] as const;
    const { gradient, ...others } = checkNames('backward()', options, names);
    runBackward([this], { ...others, gradTensors: [gradient ?? null] });
  }

  /** This tensor's values where `condition` holds, `other`'s elsewhere. */
  where(condition: Tensor, other: Tensor | Scalar): Tensor {
    return dispatch('where', [condition, this, other]) as Tensor;
  }

  /**
   * Elements and slices, as `t[…]` in PyTorch: numbers, `'1:3'` or `slice(1, 3)`, `'...'`, null for a new
   * dimension, booleans, arrays of numbers, and index or mask tensors. Numbers and slices give a view.
   */
  index(...indices: Index[]): Tensor {
    return selectAt(this, indices) as Tensor;
  }

  /** Assigns to what `index(...indices)` would give, as `t[…] = value` in PyTorch, or adds to it. Returns itself. */
  indexPut_(indices: readonly Index[], value: Tensor | Scalar, options: boolean | { accumulate?: boolean } = {}): this {
    const { accumulate = false } =
      typeof options === 'boolean' ? { accumulate: options } : checkNames('indexPut_()', options, ['accumulate']);
    assignAt(this, indices, value, accumulate);
    return this;
  }

  /** True until the tensor is released by `dispose()` or a scope. */
  get isAlive(): boolean {
    return this.handle > 0;
  }

  /** Releases the tensor's memory now. Doing so twice is harmless; using it afterwards throws. */
  dispose(): void {
    releaseTensor(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /**
   * Slices along the first dimension, as PyTorch iterates: views, which the open scope owns. Throws `TorchError` for a
   * tensor without dimensions.
   */
  [Symbol.iterator](): ArrayIterator<Tensor> {
    if (this.ndim === 0)
      throw new TorchError('ARGUMENT', `iteration over a tensor without dimensions, made by ${this.origin}`);
    return (dispatch('unbind', [this, 0]) as Tensor[]).values();
  }

  /** Returns the value for `JSON.stringify`: `toArray()`. */
  toJSON(): NestedArray {
    return this.toArray();
  }

  /**
   * JavaScript's operators: a number where they ask for one (`-t`, `t * 2`, `t < 3`), which only one element can give;
   * else text.
   */
  [Symbol.toPrimitive](hint: 'number' | 'string' | 'default'): number | string {
    if (hint !== 'number') return this.toString();
    if (this.numel() === 1) return this.toNumber();
    throw new TorchError(
      'ARGUMENT',
      `${describe.describeTensor(this)} is not a number; operators of tensors are methods, such as a.mul(b) and a.lt(b)`,
    );
  }

  /** Values, dtype and more, printed as PyTorch prints them. */
  override toString(): string {
    return formatTensor(this);
  }

  /** An object with the text, because Node indents what an object prints within others, and not a string. */
  [inspectCustom](): object {
    const text = this.handle > 0 ? formatTensor(this) : `Tensor (released, made by ${this.origin})`;
    return { [inspectCustom]: () => text };
  }
}

/** The entry of `dim`, counted from the end when negative; `Array.at` by itself treats 1.5 as 1 and NaN as 0. */
function oneOf(entries: readonly number[], dim: number, where: string): number {
  const entry = Number.isInteger(dim) && dim >= -entries.length ? entries.at(dim) : undefined;
  if (entry === undefined)
    throw new TorchError(
      'ARGUMENT',
      `${where}: a tensor with ${entries.length} dimensions has no dimension ${describeValue(dim)}`,
    );
  return entry;
}

function sameDevice(a: Device, b: Device): boolean {
  return a === b || (a === 'cuda' && b === 'cuda:0') || (a === 'cuda:0' && b === 'cuda');
}

function targetOptions(target: DType | Device | Tensor | ToOptions): ToOptions {
  if (typeof target === 'string') return isDType(target) ? { dtype: target } : { device: target };
  if (target instanceof Tensor) return { dtype: target.dtype, device: target.device };
  if (isPlainObject(target)) return target;
  throw new TorchError(
    'ARGUMENT',
    `to(): expected a dtype, a device, a Tensor or options, got ${describeValue(target)}`,
  );
}

registerTensorClass(Tensor);

/** Narrows to `Tensor`; throws `TorchError` that names the argument. */
export function requireTensor(value: unknown, where: string): Tensor {
  if (value instanceof Tensor) return value;
  throw new TorchError('ARGUMENT', `${where}: expected a Tensor, got ${describeValue(value)}`);
}

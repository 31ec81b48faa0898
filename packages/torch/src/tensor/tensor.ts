/**
 * The tensor that users hold: PyTorch's, under PyTorch's names in camelCase. Methods that are plain
 * operators are in methods.generated.ts; here is what needs more than one operator.
 */
import { inspect } from 'node:util';
import { backward as runBackward } from '../autograd/backward.js';
import { native } from '../binding/addon.js';
import type { Layout, MemoryFormat } from '../binding/codec.js';
import { dispatch } from '../binding/packet.js';
import { f64 } from '../binding/words.js';
import type { Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import { disposedByCall, handleOf, registerTensorClass, releaseTensors, wrapTensor } from './base.js';
import * as describe from './describe.js';
import { type DType, isDType, isFloatingPoint, type TypedArrayOf } from './dtype.js';
import { formatTensor } from './format.js';
import { assignAt, type Index, selectAt } from './indexing.js';
import { TensorMethods } from './methods.generated.js';
import { type NestedArray, readArray, readTypedArray } from './values.js';

/** What `to` changes; what is absent stays. */
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
  retainGraph?: boolean;
  createGraph?: boolean;
  /** Only these leaves get gradients. Default: all. */
  inputs?: readonly Tensor[];
}

export class Tensor extends TensorMethods implements Disposable {
  /** Sizes, outermost first. */
  get shape(): number[] {
    return describe.shapeOf(this);
  }

  get dtype(): DType {
    return describe.dtypeOf(this);
  }

  get device(): Device {
    return describe.deviceOf(this);
  }

  get layout(): Layout {
    return describe.layoutOf(this);
  }

  get ndim(): number {
    return describe.dimOf(this);
  }

  get isLeaf(): boolean {
    return describe.isLeafOf(this);
  }

  get isCuda(): boolean {
    return this.device.startsWith('cuda');
  }

  get requiresGrad(): boolean {
    return describe.requiresGradOf(this);
  }

  set requiresGrad(value: boolean) {
    this.requiresGrad_(value);
  }

  /** The gradient that `backward` left, or null. Setting null frees it. */
  get grad(): Tensor | null {
    f64[0] = handleOf(this);
    native().gradientOf();
    return f64[0] === 0 ? null : wrapTensor(f64[0] as number, 'Tensor.grad');
  }

  set grad(value: Tensor | null) {
    f64[0] = handleOf(this);
    f64[1] = value === null ? 0 : handleOf(value);
    native().setGradient();
  }

  /** The transpose of a matrix. */
  get T(): Tensor {
    return dispatch('t', [this]) as Tensor;
  }

  /** The shape, or the size of one dimension (negative: from the end). Throws `TorchError` for a dimension that is not there. */
  size(): number[];
  size(dim: number): number;
  size(dim?: number): number | number[] {
    const shape = this.shape;
    if (dim === undefined) return shape;
    const size = shape.at(dim);
    if (size === undefined || dim < -shape.length) throw new TorchError('ARGUMENT', `size(): dimension ${dim} of a tensor with ${shape.length} dimensions`);
    return size;
  }

  /** Elements between neighbours of each dimension, or of one. */
  stride(): number[];
  stride(dim: number): number;
  stride(dim?: number): number | number[] {
    const stride = describe.strideOf(this);
    if (dim === undefined) return stride;
    const step = stride.at(dim);
    if (step === undefined || dim < -stride.length) throw new TorchError('ARGUMENT', `stride(): dimension ${dim} of a tensor with ${stride.length} dimensions`);
    return step;
  }

  dim(): number {
    return this.ndim;
  }

  storageOffset(): number {
    return describe.storageOffsetOf(this);
  }

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

  /** The same values with another dtype, device or memory format: the tensor itself when nothing changes. */
  to(target: DType | Device | Tensor | ToOptions, options: ToOptions = {}): Tensor {
    const wanted = typeof target === 'string' ? { ...options, ...(isDType(target) ? { dtype: target } : { device: target }) } : target instanceof Tensor ? { ...options, dtype: target.dtype, device: target.device } : target;
    const { dtype = this.dtype, device = this.device, copy = false, nonBlocking = false, memoryFormat } = wanted;
    const changes = copy || dtype !== this.dtype || !sameDevice(device, this.device) || memoryFormat !== undefined;
    return changes ? (dispatch('to', [this, device, dtype, nonBlocking, copy, memoryFormat ?? null]) as Tensor) : this;
  }

  cpu(): Tensor {
    return this.to('cpu');
  }
  cuda(device: Device = 'cuda'): Tensor {
    return this.to(device);
  }
  float(): Tensor {
    return this.to('float32');
  }
  double(): Tensor {
    return this.to('float64');
  }
  half(): Tensor {
    return this.to('float16');
  }
  bfloat16(): Tensor {
    return this.to('bfloat16');
  }
  int(): Tensor {
    return this.to('int32');
  }
  long(): Tensor {
    return this.to('int64');
  }
  bool(): Tensor {
    return this.to('bool');
  }

  /** Makes autograd record what is done with this leaf. Returns itself. Throws `TorchError` for integer tensors. */
  requiresGrad_(requiresGrad = true): this {
    if (requiresGrad && !isFloatingPoint(this.dtype) && !this.dtype.startsWith('complex')) {
      throw new TorchError('ARGUMENT', `requiresGrad: only floating point tensors can have gradients, this one is ${describe.describeTensor(this)}`);
    }
    dispatch('requires_grad_', [this, requiresGrad]);
    return this;
  }

  /** Adds the gradient of this tensor with respect to all leaves that it was computed from to their `grad`. */
  backward({ gradient, ...options }: BackwardOptions = {}): void {
    runBackward([this], { ...options, gradTensors: [gradient ?? null] });
  }

  /**
   * Elements and slices, as `t[…]` in PyTorch: numbers, `'1:3'` or `slice(1, 3)`, `'...'`, null for a new
   * dimension, booleans, arrays of numbers, and index or mask tensors. Numbers and slices give a view.
   */
  index(...indices: Index[]): Tensor {
    return selectAt(this, indices);
  }

  /** Assigns to what `index(...indices)` would give, as `t[…] = value` in PyTorch. Returns itself. */
  indexPut_(indices: readonly Index[], value: Tensor | number): this {
    assignAt(this, indices, value);
    return this;
  }

  /** True until the tensor is released by `dispose()` or a scope. */
  get isAlive(): boolean {
    return this.handle > 0;
  }

  /** Releases the tensor's memory now. Doing so twice is harmless; using it afterwards throws. */
  dispose(): void {
    releaseTensors([this], disposedByCall);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Values, dtype and more, printed as PyTorch prints them. */
  override toString(): string {
    return formatTensor(this);
  }

  [inspect.custom](): string {
    return this.handle > 0 ? formatTensor(this) : `Tensor (released, made by ${this.origin})`;
  }
}

function sameDevice(a: Device, b: Device): boolean {
  return a === b || (a === 'cuda' && b === 'cuda:0') || (a === 'cuda:0' && b === 'cuda');
}

registerTensorClass(Tensor);

/** Narrows to `Tensor`; throws `TorchError` that names the argument. */
export function requireTensor(value: unknown, where: string): Tensor {
  if (value instanceof Tensor) return value;
  throw new TorchError('ARGUMENT', `${where}: expected a Tensor, got ${describeValue(value)}`);
}

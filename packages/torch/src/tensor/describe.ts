/** Describes a tensor without its values: dtype, shape, strides, device. */
import { native } from '../binding/addon.js';
import { type Layout, layouts, type MemoryFormat } from '../binding/codec.js';
import { claimWords, f64 } from '../binding/words.js';
import { TorchError } from '../errors.js';
import { handleOf, type TensorBase } from './base.js';
import { type DType, dtypeFromNumber, nameOfDType } from './dtype.js';

const deviceTypes: Record<number, string> = { 0: 'cpu', 1: 'cuda', 12: 'xpu', 13: 'mps', 14: 'meta' };
const layoutNames = Object.entries(layouts) as [Layout, number][];

/** Order of the words that native/tensor.cc writes. */
const word = {
  dtype: 0,
  deviceType: 1,
  deviceIndex: 2,
  layout: 3,
  requiresGrad: 4,
  isLeaf: 5,
  storageOffset: 6,
  dim: 7,
  sizes: 8,
} as const;

function fetch(tensor: TensorBase): void {
  const handle = handleOf(tensor);
  claimWords();
  f64[0] = handle;
  native().describeTensor();
}

export function shapeOf(tensor: TensorBase): number[] {
  fetch(tensor);
  return Array.from(f64.subarray(word.sizes, word.sizes + (f64[word.dim] as number)));
}

export function strideOf(tensor: TensorBase): number[] {
  fetch(tensor);
  if (f64[word.layout] !== layouts.strided)
    throw new TorchError('ARGUMENT', `stride(): a tensor of the layout ${layoutName()} has no strides`);
  const dim = f64[word.dim] as number;
  return Array.from(f64.subarray(word.sizes + dim, word.sizes + 2 * dim));
}

/** Dimensions from the innermost out, per memory format. */
const innermostFirst: Partial<Record<MemoryFormat, readonly number[]>> = {
  channels_last: [1, 3, 2, 0],
  channels_last_3d: [1, 4, 3, 2, 0],
};

/** True when the strides are those of a dense tensor in `format`; those of dimensions of size 1 do not matter. */
export function isContiguous(tensor: TensorBase, format: MemoryFormat): boolean {
  const [sizes, strides] = [shapeOf(tensor), strideOf(tensor)];
  const order = innermostFirst[format] ?? sizes.map((_, i) => sizes.length - 1 - i);
  if (order.length !== sizes.length) return false;
  let expected = 1;
  const dense = order.every((dim) => {
    const fits = sizes[dim] === 1 || strides[dim] === expected;
    expected *= sizes[dim] as number;
    return fits;
  });
  return dense || sizes.includes(0);
}

export function dimOf(tensor: TensorBase): number {
  fetch(tensor);
  return f64[word.dim] as number;
}

export function dtypeOf(tensor: TensorBase): DType {
  fetch(tensor);
  return dtypeFromNumber(f64[word.dtype] as number);
}

export function deviceOf(tensor: TensorBase): string {
  fetch(tensor);
  const type = deviceTypes[f64[word.deviceType] as number] ?? `device type ${f64[word.deviceType]}`;
  const index = f64[word.deviceIndex] as number;
  return index < 0 || type === 'cpu' ? type : `${type}:${index}`;
}

export function layoutOf(tensor: TensorBase): Layout {
  fetch(tensor);
  return layoutName() as Layout;
}

function layoutName(): string {
  return layoutNames.find(([, number]) => number === f64[word.layout])?.[0] ?? `layout ${f64[word.layout]}`;
}

export function requiresGradOf(tensor: TensorBase): boolean {
  fetch(tensor);
  return f64[word.requiresGrad] !== 0;
}

export function isLeafOf(tensor: TensorBase): boolean {
  fetch(tensor);
  return f64[word.isLeaf] !== 0;
}

export function storageOffsetOf(tensor: TensorBase): number {
  fetch(tensor);
  return f64[word.storageOffset] as number;
}

/** Unlike `dtypeOf`, gives a name to the types that are not read or written, as messages must not fail. */
function dtypeName(): string {
  const number = f64[word.dtype] as number;
  return nameOfDType(number) ?? `element type ${number}`;
}

/** `float32[2, 3]`, with the device where it is not the CPU. */
export function describeTensor(tensor: TensorBase): string {
  const device = deviceOf(tensor);
  return `${dtypeName()}[${shapeOf(tensor).join(', ')}]${device === 'cpu' ? '' : ` on ${device}`}`;
}

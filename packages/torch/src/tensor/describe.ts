/** What a tensor is, without its values: dtype, shape, strides, device. */
import { native } from '../binding/addon.js';
import { layouts, type Layout } from '../binding/codec.js';
import { f64 } from '../binding/words.js';
import { handleOf, type TensorBase } from './base.js';
import { type DType, dtypeFromNumber } from './dtype.js';

const deviceTypes: Record<number, string> = { 0: 'cpu', 1: 'cuda', 12: 'xpu', 13: 'mps', 14: 'meta' };
const layoutNames = Object.entries(layouts) as [Layout, number][];

/** Order of the words that native/tensor.cc writes. */
const word = { dtype: 0, deviceType: 1, deviceIndex: 2, layout: 3, requiresGrad: 4, isLeaf: 5, storageOffset: 6, dim: 7, sizes: 8 } as const;

function fetch(tensor: TensorBase): void {
  f64[0] = handleOf(tensor);
  native().describeTensor();
}

export function shapeOf(tensor: TensorBase): number[] {
  fetch(tensor);
  return Array.from(f64.subarray(word.sizes, word.sizes + (f64[word.dim] as number)));
}

export function strideOf(tensor: TensorBase): number[] {
  fetch(tensor);
  const dim = f64[word.dim] as number;
  return Array.from(f64.subarray(word.sizes + dim, word.sizes + 2 * dim));
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
  return layoutNames.find(([, number]) => number === f64[word.layout])?.[0] ?? 'strided';
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

/** `float32[2, 3]`, with the device where it is not the CPU. */
export function describeTensor(tensor: TensorBase): string {
  const device = deviceOf(tensor);
  return `${dtypeOf(tensor)}[${shapeOf(tensor).join(', ')}]${device === 'cpu' ? '' : ` on ${device}`}`;
}

/** Regions with other rules: no gradients, inference, autocast. Each takes a synchronous function. */
import { native } from '../binding/addon.js';
import { hasCudaBfloat16, hasNativeBfloat16 } from '../binding/environment.js';
import { cuda, type Device } from '../devices.js';
import { describeValue, TorchError } from '../errors.js';
import { checkNames } from '../options.js';
import { type DType, dtypeNumber } from '../tensor/dtype.js';
import { requireSynchronous } from '../tensor/scope.js';

function gradRegion<T>(enabled: boolean, body: () => T, where: string): T {
  const before = native().setGradEnabled(enabled);
  try {
    const result = body();
    requireSynchronous(result, where);
    return result;
  } finally {
    native().setGradEnabled(before);
  }
}

/** Runs `body` without recording for gradients. Throws when `body` is asynchronous. */
export function noGrad<T>(body: () => T): T {
  return gradRegion(false, body, 'noGrad()');
}

/** Runs `body` with recording, also inside `noGrad`. */
export function enableGrad<T>(body: () => T): T {
  return gradRegion(true, body, 'enableGrad()');
}

/** Returns whether autograd records now. */
export function isGradEnabled(): boolean {
  return native().isGradEnabled();
}

/**
 * Runs `body` as `noGrad` does, without version counters and views' bookkeeping: faster, but its tensors can never take
 * part in autograd.
 */
export function inferenceMode<T>(body: () => T): T {
  native().pushInferenceMode(true);
  try {
    const result = body();
    requireSynchronous(result, 'inferenceMode()');
    return result;
  } finally {
    native().popInferenceMode();
  }
}

export interface AutocastOptions {
  /** Data type of products and convolutions. Default bfloat16 on the CPU, float16 on CUDA. */
  dtype?: DType;
  /** Default true. */
  enabled?: boolean;
  /** Casts each weight once per region instead of once per use. Default true. */
  cache?: boolean;
}

/**
 * Runs `body` with products and convolutions in lower precision, as `torch.autocast(device, …)`. `options` may be left
 * out. Throws `TorchError` for a dtype other than bfloat16 and float16, and for float16 on the CPU before libtorch 2.
 */
export function autocast<T>(device: 'cpu' | 'cuda', body: () => T): T;
export function autocast<T>(device: 'cpu' | 'cuda', options: AutocastOptions, body: () => T): T;
export function autocast<T>(device: 'cpu' | 'cuda', ...rest: [() => T] | [AutocastOptions, () => T]): T {
  const [options, body] = rest.length === 1 ? [{}, ...rest] : rest;
  const names = ['dtype', 'enabled', 'cache'] as const;
  const {
    dtype = device === 'cpu' ? 'bfloat16' : 'float16',
    enabled = true,
    cache = true,
  } = checkNames('autocast()', options, names);
  const number = dtypeNumber(dtype, 'autocast: dtype');
  if (enabled && dtype !== 'bfloat16' && dtype !== 'float16')
    throw new TorchError('ARGUMENT', `autocast: dtype must be bfloat16 or float16, got ${describeValue(dtype)}`);
  const before = native().enterAutocast(device, enabled, number, cache);
  try {
    const result = body();
    requireSynchronous(result, 'autocast()');
    return result;
  } finally {
    native().exitAutocast(device, before.enabled, before.dtype, before.cache);
  }
}

/** Returns whether autocast is on for this kind of device now. */
export function isAutocastEnabled(device: 'cpu' | 'cuda'): boolean {
  return native().isAutocastEnabled(device);
}

/**
 * The precision that `device` (`cpu`, `cuda`, `cuda:1`) is fastest in: bfloat16 where the hardware multiplies it; else
 * float32 on a processor, and on a card float16, with which training needs a scale for gradients.
 */
export function bestPrecision(device: Device): DType {
  if (device === 'cpu') return hasNativeBfloat16() ? 'bfloat16' : 'float32';
  return cuda.isAvailable() && hasCudaBfloat16(cuda.properties(device)) ? 'bfloat16' : 'float16';
}

/** Pooling of images `[B, C, H, W]`. */
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { shapeOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Pair } from './shared.js';

const { aten } = ops;

export interface MaxPool2dOptions {
  /** Default: the kernel size. */
  stride?: Pair;
  /** Default 0. */
  padding?: Pair;
  /** Default 1. */
  dilation?: Pair;
  /** Rounds the output size up instead of down. Default false. */
  ceilMode?: boolean;
}

/** `[B, C, H, W]` → the largest value of each window, `[B, C, H′, W′]`. */
export function maxPool2d(input: Tensor, kernelSize: Pair, options: MaxPool2dOptions = {}): Tensor {
  const names = ['stride', 'padding', 'dilation', 'ceilMode'] as const;
  const {
    stride = kernelSize,
    padding = 0,
    dilation = 1,
    ceilMode = false,
  } = checkNames('maxPool2d()', options, names);
  return aten.max_pool2d.default(input, kernelSize, stride, padding, dilation, ceilMode);
}

export interface AvgPool2dOptions {
  /** Default: the kernel size. */
  stride?: Pair;
  /** Default 0. */
  padding?: Pair;
  /** Rounds the output size up instead of down. Default false. */
  ceilMode?: boolean;
  /** Whether the zeros of the padding count in the mean. Default true. */
  countIncludePad?: boolean;
  /** Divisor of the sum. Default null: the size of the window. */
  divisorOverride?: number | null;
}

/** `[B, C, H, W]` → the mean of each window, `[B, C, H′, W′]`. */
export function avgPool2d(input: Tensor, kernelSize: Pair, options: AvgPool2dOptions = {}): Tensor {
  const names = ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'] as const;
  const {
    stride = kernelSize,
    padding = 0,
    ceilMode = false,
    countIncludePad = true,
    divisorOverride = null,
  } = checkNames('avgPool2d()', options, names);
  return aten.avg_pool2d.default(input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride);
}

/** An output size by axis; null keeps the input's. */
export type OutputSize = number | readonly [height: number | null, width: number | null];

/** `[B, C, H, W]` → `[B, C, ...outputSize]`: the mean of windows that cover the input evenly. */
export function adaptiveAvgPool2d(input: Tensor, outputSize: OutputSize): Tensor {
  if (typeof outputSize === 'number') return aten.adaptive_avg_pool2d.default(input, outputSize);
  const [height, width] = shapeOf(input).slice(-2);
  return aten.adaptive_avg_pool2d.default(input, [outputSize[0] ?? height ?? 0, outputSize[1] ?? width ?? 0]);
}

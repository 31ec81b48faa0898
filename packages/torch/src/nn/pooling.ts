/** Pooling of images as modules. */
import { type Check, checkNames, checkOption, countPair, isCount } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  type AvgPool2dOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type MaxPool2dOptions,
  maxPool2d,
  type OutputSize,
} from './functional/pooling.js';
import type { Pair } from './functional/shared.js';
import { Module } from './module.js';
import { pythonFields } from './python-repr.js';

/** `[B, C, H, W]` → the mean of each window, `[B, C, H′, W′]`. */
export class AvgPool2d extends Module {
  readonly options: AvgPool2dOptions;

  constructor(
    readonly kernelSize: Pair,
    options: AvgPool2dOptions = {},
  ) {
    super();
    const names = ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'] as const;
    checkOption('AvgPool2d', 'kernelSize', kernelSize, countPair(1));
    this.options = { stride: kernelSize, padding: 0, ...checkNames('AvgPool2d', options, names) };
  }

  forward(input: Tensor): Tensor {
    return avgPool2d(input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { stride, padding } = this.options;
    return pythonFields({ kernel_size: this.kernelSize, stride, padding });
  }
}

/** `[B, C, H, W]` → the largest value of each window, `[B, C, H′, W′]`. */
export class MaxPool2d extends Module {
  readonly options: MaxPool2dOptions;

  constructor(
    readonly kernelSize: Pair,
    options: MaxPool2dOptions = {},
  ) {
    super();
    const names = ['stride', 'padding', 'dilation', 'ceilMode'] as const;
    checkOption('MaxPool2d', 'kernelSize', kernelSize, countPair(1));
    const given = checkNames('MaxPool2d', options, names);
    this.options = { stride: kernelSize, padding: 0, dilation: 1, ceilMode: false, ...given };
  }

  forward(input: Tensor): Tensor {
    return maxPool2d(input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    const { stride, padding, dilation, ceilMode } = this.options;
    return pythonFields({ kernel_size: this.kernelSize, stride, padding, dilation, ceil_mode: ceilMode });
  }
}

const isOutputSize = (value: unknown): boolean => value === null || isCount(value, 0);
const outputSizes: Check = {
  expected: 'a whole number of at least 0, or a pair of them or nulls',
  accepts: (value) => isCount(value, 0) || (Array.isArray(value) && value.length === 2 && value.every(isOutputSize)),
};

/** `[B, C, H, W]` → `[B, C, ...outputSize]`: the mean of windows that cover the input evenly. */
export class AdaptiveAvgPool2d extends Module {
  constructor(readonly outputSize: OutputSize) {
    super();
    checkOption('AdaptiveAvgPool2d', 'outputSize', outputSize, outputSizes);
  }

  forward(input: Tensor): Tensor {
    return adaptiveAvgPool2d(input, this.outputSize);
  }

  override extraRepr(): string {
    return pythonFields({ output_size: this.outputSize });
  }
}

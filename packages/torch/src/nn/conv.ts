/** `Conv2d`, PyTorch's `nn.Conv2d`. */
import { describeValue, TorchError } from '../errors.js';
import { checkCounts, checkNames, checkOption, countPair } from '../options.js';
import type { Tensor } from '../tensor/tensor.js';
import { conv2d } from './functional/conv.js';
import { pad } from './functional/resize.js';
import { type Pair, requireDims } from './functional/shared.js';
import { Module } from './module.js';
import type { Parameter } from './parameter.js';
import { emptyParameter, type PlacementOptions, placementNames, resetWeightAndBias } from './placement.js';
import { pythonFields } from './python-repr.js';

export interface Conv2dOptions extends PlacementOptions {
  /** Default 1. */
  stride?: Pair;
  /**
   * Padding on each side of height and width; 'same' keeps the size (stride 1 only), 'valid' does not pad. Default 0.
   */
  padding?: Pair | 'same' | 'valid';
  /** Default 1. */
  dilation?: Pair;
  /** Number of groups of channels, each convolved separately. Default 1. */
  groups?: number;
  /** Default true. */
  bias?: boolean;
  /** Kind of padding. Default 'zeros'. */
  paddingMode?: 'zeros' | 'reflect' | 'replicate' | 'circular';
}

const names = ['stride', 'padding', 'dilation', 'groups', 'bias', 'paddingMode', ...placementNames] as const;

function pair(name: string, value: Pair, least = 1): readonly [number, number] {
  checkOption('Conv2d', name, value, countPair(least));
  return typeof value === 'number' ? [value, value] : value;
}

/**
 * `[B, cIn, H, W]` → `[B, cOut, H′, W′]`. Parameters: weight `[cOut, cIn / groups, kH, kW]`, bias `[cOut]`.
 * Throws `TorchError` when `groups` does not divide the channels, and for 'same' padding with a stride.
 */
export class Conv2d extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number] | 'same' | 'valid';
  readonly dilation: readonly [number, number];
  readonly groups: number;
  readonly paddingMode: 'zeros' | 'reflect' | 'replicate' | 'circular';
  readonly weight: Parameter;
  readonly bias: Parameter | null;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions = {}) {
    const {
      stride = 1,
      padding = 0,
      dilation = 1,
      groups = 1,
      bias = true,
      paddingMode = 'zeros',
      ...placement
    } = checkNames('Conv2d', options, names);
    super();
    checkCounts('Conv2d', { inChannels, outChannels, groups });
    if (inChannels % groups !== 0)
      throw new TorchError(
        'ARGUMENT',
        `Conv2d: inChannels must be divisible by groups, got ${inChannels} and ${groups}`,
      );
    if (outChannels % groups !== 0)
      throw new TorchError(
        'ARGUMENT',
        `Conv2d: outChannels must be divisible by groups, got ${outChannels} and ${groups}`,
      );
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = pair('kernelSize', kernelSize);
    this.stride = pair('stride', stride);
    this.padding = typeof padding === 'string' ? padding : pair('padding', padding, 0);
    this.dilation = pair('dilation', dilation);
    this.groups = groups;
    this.paddingMode = paddingMode;
    this.#checkPadding();
    this.weight = emptyParameter([outChannels, inChannels / groups, ...this.kernelSize], placement);
    this.bias = bias ? emptyParameter([outChannels], placement) : null;
    this.resetParameters();
  }

  #checkPadding(): void {
    const { padding, stride } = this;
    if (typeof padding === 'string' && padding !== 'same' && padding !== 'valid') {
      throw new TorchError(
        'ARGUMENT',
        `Conv2d: Invalid padding string ${describeValue(padding)}, should be one of valid, same`,
      );
    }
    if (padding === 'same' && stride.some((step) => step !== 1))
      throw new TorchError('ARGUMENT', "Conv2d: padding='same' is not supported for strided convolutions");
  }

  /** Initialises weight and bias again, as the constructor does. */
  resetParameters(): void {
    resetWeightAndBias(this.weight, this.bias);
  }

  forward(input: Tensor): Tensor {
    requireDims(input, 3, 4);
    const { stride, dilation, groups } = this;
    if (this.paddingMode === 'zeros')
      return conv2d(input, this.weight, this.bias, { stride, padding: this.padding, dilation, groups });
    const padded = pad(input, this.#border(), { mode: this.paddingMode });
    return conv2d(padded, this.weight, this.bias, { stride, dilation, groups });
  }

  /** Left, right, top and bottom. An even kernel's 'same' padding has its larger half last. */
  #border(): number[] {
    const sides = ([0, 1] as const).map((axis) => {
      if (this.padding === 'valid') return [0, 0];
      if (this.padding !== 'same') return [this.padding[axis], this.padding[axis]];
      const total = this.dilation[axis] * (this.kernelSize[axis] - 1);
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    });
    return sides.reverse().flat();
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode } = this;
    const isPlain = (value: readonly number[], plain: number): boolean => value.every((item) => item === plain);
    const fields = {
      kernel_size: kernelSize,
      stride,
      ...(typeof padding !== 'string' && isPlain(padding, 0) ? {} : { padding }),
      ...(isPlain(dilation, 1) ? {} : { dilation }),
      ...(groups === 1 ? {} : { groups }),
      ...(this.bias === null ? { bias: false } : {}),
    };
    return `${inChannels}, ${outChannels}, ${pythonFields(fields)}${paddingMode === 'zeros' ? '' : `, padding_mode=${paddingMode}`}`.replace(
      /padding='(\w+)'/,
      'padding=$1',
    );
  }
}

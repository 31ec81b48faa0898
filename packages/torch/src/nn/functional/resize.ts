/** Images of another size: `interpolate` and `pad`. */
import { requireOperator } from '../../binding/operator.js';
import { describeValue, TorchError } from '../../errors.js';
import { ops } from '../../ops.js';
import { checkNames } from '../../options.js';
import { describeTensor, dimOf } from '../../tensor/describe.js';
import type { Tensor } from '../../tensor/tensor.js';

export type InterpolationMode = 'nearest' | 'nearest-exact' | 'bilinear' | 'bicubic' | 'area';

export interface InterpolateOptions {
  /** The output's height and width. Either this or `scaleFactor`. */
  size?: number | readonly [height: number, width: number];
  /** Output size divided by input size; the output size is rounded down. */
  scaleFactor?: number | readonly [height: number, width: number];
  /** Default 'nearest'. */
  mode?: InterpolationMode;
  /** Whether corner pixels keep their place, instead of the image's edges; bilinear and bicubic only. Default false. */
  alignCorners?: boolean;
  /**
   * Scale for the positions of source pixels: the given `scaleFactor` (false), or output size over input size, which
   * differs by rounding (true). Default false, as in PyTorch.
   */
  recomputeScaleFactor?: boolean;
  /** Widens the filter when shrinking, as Pillow does; bilinear and bicubic only. Default false. */
  antialias?: boolean;
}

const operatorOf: Readonly<Record<InterpolationMode, string>> = {
  nearest: 'upsample_nearest2d',
  'nearest-exact': '_upsample_nearest_exact2d',
  bilinear: 'upsample_bilinear2d',
  bicubic: 'upsample_bicubic2d',
  area: 'adaptive_avg_pool2d',
};

const pair = (value: number | readonly [number, number]): [number, number] =>
  typeof value === 'number' ? [value, value] : [...value];

function wrong(message: string): TorchError {
  return new TorchError('ARGUMENT', `interpolate: ${message}`);
}

/** `[B, C, H, W]` → `[B, C, ...size]`. Throws `TorchError` for options that do not go together. */
export function interpolate(input: Tensor, options: InterpolateOptions): Tensor {
  checkInterpolation(input, options);
  const { size, scaleFactor = 1, mode = 'nearest', recomputeScaleFactor = false, antialias = false } = options;
  const factors = pair(scaleFactor);
  const rounded = (): number[] => factors.map((factor, i) => Math.floor(input.size(2 + i) * factor));
  const outputSize = size !== undefined ? pair(size) : recomputeScaleFactor || mode === 'area' ? rounded() : null;
  if (mode === 'area') return requireOperator('aten::adaptive_avg_pool2d')(input, outputSize) as Tensor;
  const corners = isSmooth(mode) ? [options.alignCorners ?? false] : [];
  const resampler = antialias ? `_${operatorOf[mode]}_aa` : operatorOf[mode];
  const resample = requireOperator(`aten::${resampler}`, 'vec');
  return resample(input, outputSize, ...corners, outputSize === null ? factors : null) as Tensor;
}

const isSmooth = (mode: InterpolationMode): boolean => mode === 'bilinear' || mode === 'bicubic';

const interpolateNames = ['size', 'scaleFactor', 'mode', 'alignCorners', 'recomputeScaleFactor', 'antialias'] as const;

function checkInterpolation(input: Tensor, options: InterpolateOptions): void {
  checkNames('interpolate()', options, interpolateNames);
  const { size, scaleFactor, mode = 'nearest', alignCorners, recomputeScaleFactor, antialias } = options;
  if (!Object.hasOwn(operatorOf, mode))
    throw wrong(`mode is one of ${Object.keys(operatorOf).join(', ')}, got ${describeValue(mode)}`);
  if (dimOf(input) !== 4) throw wrong(`expected an input [B, C, H, W], got ${describeTensor(input)}`);
  if (size === undefined && scaleFactor === undefined) throw wrong('either size or scaleFactor should be defined');
  if (size !== undefined && scaleFactor !== undefined) throw wrong('only one of size or scaleFactor should be defined');
  if (alignCorners !== undefined && !isSmooth(mode))
    throw wrong('alignCorners can only be set with the modes bilinear and bicubic');
  if (antialias && !isSmooth(mode)) throw wrong('antialias is only supported for bilinear and bicubic modes');
  if (recomputeScaleFactor && size !== undefined)
    throw wrong('recomputeScaleFactor is not meaningful with an explicit size');
}

export interface PadOptions {
  /** Fill of the border: a value, the image mirrored, its last pixel, or its other end. Default 'constant'. */
  mode?: 'constant' | 'reflect' | 'replicate' | 'circular';
  /** For 'constant'. Default 0. */
  value?: number;
}

/**
 * Adds to both ends of the last dimensions, the last one first: `pad(x, [left, right, top, bottom])`.
 * Negative numbers cut off. Throws `TorchError` for more padding than the mode and the dimensions allow.
 */
export function pad(input: Tensor, padding: readonly number[], options: PadOptions = {}): Tensor {
  const { mode = 'constant', value = 0 } = checkNames('pad()', options, ['mode', 'value']);
  if (mode === 'constant') return ops.aten.constant_pad_nd.default(input, padding, value);
  if (value !== 0) throw new TorchError('ARGUMENT', `Padding mode "${mode}" doesn't take in value argument`);
  return ops.aten.pad.default(input, padding, { mode });
}

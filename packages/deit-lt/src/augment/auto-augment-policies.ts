/**
 * AutoAugment's policies (Cubuk et al. 2019, arXiv 1805.09501): 25 pairs of operations, each with its probability and
 * level 0…10. `original` is the paper's for ImageNet, `v0` the one of the EfficientNet code for TPUs; both as in timm.
 * The one for CIFAR-10 is the paper's, as PaCo uses it, where levels 0…9 stand for ten steps of its own ranges.
 */
import type { AffineFilter } from './affine-matrix.js';
import type { ScaledOp } from './magnitudes.js';
import type { OpName } from './ops.js';

/** `[name, probability, level]`, twice. */
type Pair<N> = readonly [N, number, number, N, number, number];

const original: readonly Pair<ScaledOp>[] = [
  ['posterizeOriginal', 0.4, 8, 'rotate', 0.6, 9],
  ['solarize', 0.6, 5, 'autocontrast', 0.6, 5],
  ['equalize', 0.8, 8, 'equalize', 0.6, 3],
  ['posterizeOriginal', 0.6, 7, 'posterizeOriginal', 0.6, 6],
  ['equalize', 0.4, 7, 'solarize', 0.2, 4],
  ['equalize', 0.4, 4, 'rotate', 0.8, 8],
  ['solarize', 0.6, 3, 'equalize', 0.6, 7],
  ['posterizeOriginal', 0.8, 5, 'equalize', 1, 2],
  ['rotate', 0.2, 3, 'solarize', 0.6, 8],
  ['equalize', 0.6, 8, 'posterizeOriginal', 0.4, 6],
  ['rotate', 0.8, 8, 'color', 0.4, 0],
  ['rotate', 0.4, 9, 'equalize', 0.6, 2],
  ['equalize', 0, 7, 'equalize', 0.8, 8],
  ['invert', 0.6, 4, 'equalize', 1, 8],
  ['color', 0.6, 4, 'contrast', 1, 8],
  ['rotate', 0.8, 8, 'color', 1, 2],
  ['color', 0.8, 8, 'solarize', 0.8, 7],
  ['sharpness', 0.4, 7, 'invert', 0.6, 8],
  ['shearX', 0.6, 5, 'equalize', 1, 9],
  ['color', 0.4, 0, 'equalize', 0.6, 3],
  ['equalize', 0.4, 7, 'solarize', 0.2, 4],
  ['solarize', 0.6, 5, 'autocontrast', 0.6, 5],
  ['invert', 0.6, 4, 'equalize', 1, 8],
  ['color', 0.6, 4, 'contrast', 1, 8],
  ['equalize', 0.8, 8, 'equalize', 0.6, 3],
];

const v0: readonly Pair<ScaledOp>[] = [
  ['equalize', 0.8, 1, 'shearY', 0.8, 4],
  ['color', 0.4, 9, 'equalize', 0.6, 3],
  ['color', 0.4, 1, 'rotate', 0.6, 8],
  ['solarize', 0.8, 3, 'equalize', 0.4, 7],
  ['solarize', 0.4, 2, 'solarize', 0.6, 2],
  ['color', 0.2, 0, 'equalize', 0.8, 8],
  ['equalize', 0.4, 8, 'solarizeAdd', 0.8, 3],
  ['shearX', 0.2, 9, 'rotate', 0.6, 8],
  ['color', 0.6, 1, 'equalize', 1, 2],
  ['invert', 0.4, 9, 'rotate', 0.6, 0],
  ['equalize', 1, 9, 'shearY', 0.6, 3],
  ['color', 0.4, 7, 'equalize', 0.6, 0],
  ['posterize', 0.4, 6, 'autocontrast', 0.4, 7],
  ['solarize', 0.6, 8, 'color', 0.6, 9],
  ['solarize', 0.2, 4, 'rotate', 0.8, 9],
  ['rotate', 1, 7, 'translateY', 0.8, 9],
  ['shearX', 0, 0, 'solarize', 0.8, 4],
  ['shearY', 0.8, 0, 'color', 0.6, 4],
  ['color', 1, 0, 'rotate', 0.6, 2],
  ['equalize', 0.8, 4, 'equalize', 0, 8],
  ['equalize', 1, 4, 'autocontrast', 0.6, 2],
  ['shearY', 0.4, 7, 'solarizeAdd', 0.6, 7],
  ['posterize', 0.8, 2, 'solarize', 0.6, 10], // black where both are applied
  ['solarize', 0.6, 8, 'equalize', 0.6, 1],
  ['color', 0.8, 6, 'rotate', 0.4, 5],
];

/** Returns the policy with the posterising whose effect grows with the level. */
function research(policy: readonly Pair<ScaledOp>[]): readonly Pair<ScaledOp>[] {
  const other = (name: ScaledOp): ScaledOp => (name.startsWith('posterize') ? 'posterizeIncreasing' : name);
  return policy.map(([a, pa, la, b, pb, lb]) => [other(a), pa, la, other(b), pb, lb]);
}

/** The policies on timm's scale of levels. */
export const scaledPolicies = { original, originalr: research(original), v0, v0r: research(v0) };

/** The operations of the CIFAR-10 policy: the argument of a level 0…9, with or without a sign, and how it resamples. */
interface CifarOp {
  readonly op: OpName;
  readonly argument: (level: number, sign: 1 | -1) => number;
  readonly signed: boolean;
  readonly filter?: AffineFilter;
}

/** Tenths of the way, as NumPy's `linspace` rounds them. */
const share = (level: number, most: number): number => level * (most / 9);
const enhancing = (op: OpName): CifarOp => ({
  op,
  argument: (level, sign) => 1 + sign * share(level, 0.9),
  signed: true,
});
const whole = (op: OpName): CifarOp => ({ op, argument: () => 0, signed: false });
/** 150 of 331 pixels: the paper's images were that large. */
const moving = (op: OpName): CifarOp => ({
  op,
  argument: (level, sign) => sign * share(level, 150 / 331),
  signed: true,
  filter: 'nearest',
});

export const cifarOps = {
  shearX: { op: 'shearX', argument: (level, sign) => sign * share(level, 0.3), signed: true, filter: 'bicubic' },
  shearY: { op: 'shearY', argument: (level, sign) => sign * share(level, 0.3), signed: true, filter: 'bicubic' },
  translateX: moving('translateX'),
  translateY: moving('translateY'),
  // PaCo turns in one direction only.
  rotate: { op: 'rotate', argument: (level) => share(level, 30), signed: false, filter: 'nearest' },
  color: enhancing('color'),
  posterize: { op: 'posterize', argument: (level) => Math.round(8 - share(level, 4)), signed: false },
  solarize: { op: 'solarize', argument: (level) => 256 - share(level, 256), signed: false },
  contrast: enhancing('contrast'),
  sharpness: enhancing('sharpness'),
  brightness: enhancing('brightness'),
  autocontrast: whole('autocontrast'),
  equalize: whole('equalize'),
  invert: whole('invert'),
} satisfies Record<string, CifarOp>;

export type CifarOpName = keyof typeof cifarOps;

export const cifar10: readonly Pair<CifarOpName>[] = [
  ['invert', 0.1, 7, 'contrast', 0.2, 6],
  ['rotate', 0.7, 2, 'translateX', 0.3, 9],
  ['sharpness', 0.8, 1, 'sharpness', 0.9, 3],
  ['shearY', 0.5, 8, 'translateY', 0.7, 9],
  ['autocontrast', 0.5, 8, 'equalize', 0.9, 2],
  ['shearY', 0.2, 7, 'posterize', 0.3, 7],
  ['color', 0.4, 3, 'brightness', 0.6, 7],
  ['sharpness', 0.3, 9, 'brightness', 0.7, 9],
  ['equalize', 0.6, 5, 'equalize', 0.5, 1],
  ['contrast', 0.6, 7, 'sharpness', 0.6, 5],
  ['color', 0.7, 7, 'translateX', 0.5, 8],
  ['equalize', 0.3, 7, 'autocontrast', 0.4, 8],
  ['translateY', 0.4, 3, 'sharpness', 0.2, 6],
  ['brightness', 0.9, 6, 'color', 0.2, 8],
  ['solarize', 0.5, 2, 'invert', 0, 3],
  ['equalize', 0.2, 0, 'autocontrast', 0.6, 0],
  ['equalize', 0.2, 8, 'equalize', 0.6, 4],
  ['color', 0.9, 9, 'equalize', 0.6, 6],
  ['autocontrast', 0.8, 4, 'solarize', 0.2, 8],
  ['brightness', 0.1, 3, 'color', 0.7, 0],
  ['solarize', 0.4, 5, 'autocontrast', 0.9, 3],
  ['translateY', 0.9, 9, 'translateY', 0.7, 9],
  ['autocontrast', 0.9, 2, 'solarize', 0.8, 3],
  ['equalize', 0.8, 8, 'invert', 0.1, 3],
  ['translateY', 0.7, 9, 'autocontrast', 0.9, 1],
];

/**
 * The strength scale of timm's policies: what a level 0…10 means for each operation, with and without the "increasing"
 * rules, by which a higher level always changes the image more. From RandAugment (Cubuk et al. 2020, arXiv 1909.13719),
 * AutoAugment (Cubuk et al. 2019, arXiv 1805.09501) and timm's `auto_augment.py`.
 */
import type { OpName } from './ops.js';

/** `level` 0…10 (more with `mmax`), `sign` 1 or −1 → the operation's argument. */
type ToArgument = (level: number, sign: 1 | -1, translate: number) => number;

interface Scale {
  readonly op: OpName;
  readonly argument: ToArgument;
  /** Whether a direction is drawn. */
  readonly signed: boolean;
}

const plain = (op: OpName): Scale => ({ op, argument: () => 0, signed: false });
const unsigned = (op: OpName, argument: (level: number) => number): Scale => ({ op, argument, signed: false });
const signed = (op: OpName, most: number): Scale => ({
  op,
  argument: (level, sign) => sign * (level / 10) * most,
  signed: true,
});
const shifted = (op: OpName): Scale => ({
  op,
  argument: (level, sign, translate) => sign * (level / 10) * translate,
  signed: true,
});

/** 0.1 … 1.9: the middle does not change the image. */
const factor = (op: OpName): Scale => unsigned(op, (level) => (level / 10) * 1.8 + 0.1);
/** Away from 1 in either direction; never below 0.1, where an image would be nearly black or grey. */
const increasingFactor = (op: OpName): Scale => ({
  op,
  argument: (level, sign) => Math.max(0.1, 1 + sign * ((level / 10) * 0.9)),
  signed: true,
});

/** Bits that a posterised image keeps; of no bits, black stays. */
const bits = (argument: (dropped: number) => number): Scale =>
  unsigned('posterize', (level) => Math.max(0, argument(Math.trunc((level / 10) * 4))));
const threshold = (level: number): number => Math.min(256, Math.trunc((level / 10) * 256));

/** Operations by timm's names, in camelCase; its relative translations without `Rel`. */
const scales = {
  autocontrast: plain('autocontrast'),
  equalize: plain('equalize'),
  invert: plain('invert'),
  rotate: signed('rotate', 30),
  posterize: bits((kept) => kept),
  posterizeIncreasing: bits((dropped) => 4 - dropped),
  posterizeOriginal: bits((kept) => Math.min(8, 4 + kept)),
  solarize: unsigned('solarize', threshold),
  solarizeIncreasing: unsigned('solarize', (level) => 256 - threshold(level)),
  solarizeAdd: unsigned('solarizeAdd', (level) => Math.min(128, Math.trunc((level / 10) * 110))),
  color: factor('color'),
  colorIncreasing: increasingFactor('color'),
  contrast: factor('contrast'),
  contrastIncreasing: increasingFactor('contrast'),
  brightness: factor('brightness'),
  brightnessIncreasing: increasingFactor('brightness'),
  sharpness: factor('sharpness'),
  sharpnessIncreasing: increasingFactor('sharpness'),
  shearX: signed('shearX', 0.3),
  shearY: signed('shearY', 0.3),
  translateX: shifted('translateX'),
  translateY: shifted('translateY'),
} satisfies Record<string, Scale>;

/** An operation with its scale. */
export type ScaledOp = keyof typeof scales;

/** The operation, without its scale. */
export const opOf = (name: ScaledOp): OpName => scales[name].op;

export interface ArgumentOptions {
  /** Share of the side that level 10 shifts an image. Default 0.45; timm's AugMix has 0.3. */
  translate?: number;
}

/** The argument of an operation at a level from 0; `sign` chooses the direction of those with two. */
export function argumentAt(
  name: ScaledOp,
  level: number,
  sign: 1 | -1,
  { translate = 0.45 }: ArgumentOptions = {},
): number {
  const { argument }: Scale = scales[name];
  return argument(level, sign, translate);
}

/** Returns whether the operation draws a direction. */
export const hasSign = (name: ScaledOp): boolean => scales[name].signed;

/** The operations of RandAugment, in timm's order. */
export const randOps = [
  'autocontrast',
  'equalize',
  'invert',
  'rotate',
  'posterize',
  'solarize',
  'solarizeAdd',
  'color',
  'contrast',
  'brightness',
  'sharpness',
  'shearX',
  'shearY',
  'translateX',
  'translateY',
] as const satisfies readonly ScaledOp[];

/** The same, for operations that have one with an increasing scale. */
export function increasing(name: ScaledOp): ScaledOp {
  const candidate = `${name}Increasing`;
  return candidate in scales ? (candidate as ScaledOp) : name;
}

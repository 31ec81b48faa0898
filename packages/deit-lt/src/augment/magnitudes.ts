/**
 * The strength scale of RandAugment (Cubuk et al. 2020, arXiv 1909.13719): what magnitude 0…10 means for each operation,
 * with timm's "increasing" rules, where a greater magnitude always changes the image more.
 */
import type { OpName } from './ops.js';

/** `magnitude` 0…10, `sign` 1 or −1 (for operations with two directions) → the operation's argument. */
type ToArgument = (magnitude: number, sign: 1 | -1) => number;

const none: ToArgument = () => 0;
const signed =
  (most: number): ToArgument =>
  (magnitude, sign) =>
    ((sign * magnitude) / 10) * most;
/** Never below 0.1, where an image would be nearly black or grey. */
const factor: ToArgument = (magnitude, sign) => Math.max(0.1, 1 + ((sign * magnitude) / 10) * 0.9);

const table = {
  identity: none,
  autocontrast: none,
  equalize: none,
  invert: none,
  rotate: signed(30),
  posterize: (magnitude) => 4 - Math.trunc((magnitude / 10) * 4),
  solarize: (magnitude) => 256 - Math.trunc((magnitude / 10) * 256),
  solarizeAdd: (magnitude) => Math.min(128, Math.trunc((magnitude / 10) * 110)),
  color: factor,
  contrast: factor,
  brightness: factor,
  sharpness: factor,
  shearX: signed(0.3),
  shearY: signed(0.3),
  translateX: signed(0.45),
  translateY: signed(0.45),
} satisfies Partial<Record<OpName, ToArgument>>;

/** Operations that have a magnitude. */
export type MagnitudeOp = keyof typeof table;

export const magnitudeOps = Object.keys(table) as [MagnitudeOp, ...MagnitudeOp[]];

/** The argument of `op` at a magnitude 0…10; `sign` chooses the direction of those with two. */
export function argumentAt(op: MagnitudeOp, magnitude: number, sign: 1 | -1): number {
  return (table[op] as ToArgument)(magnitude, sign);
}

/** Whether `op` draws a direction. */
export function hasSign(op: MagnitudeOp): boolean {
  return argumentAt(op, 5, 1) !== argumentAt(op, 5, -1);
}

/** The operations that augmentation policies choose from, by name, and a choice of one with its argument. */
import { type AffineFilter, type Matrix, rotation } from './affine-matrix.js';

/** The matrix for an image of `width` × `height`. */
export type AffineOp = (arg: number, width: number, height: number) => Matrix;

/** Arguments: degrees counter-clockwise; shear as pixels per pixel; translation as a share of the side. */
export const affineOps = {
  rotate: rotation,
  shearX: (shear) => [1, shear, 0, 0, 1, 0],
  shearY: (shear) => [1, 0, 0, shear, 1, 0],
  translateX: (share, width) => [1, 0, share * width, 0, 1, 0],
  translateY: (share, _width, height) => [1, 0, 0, 0, 1, share * height],
} satisfies Record<string, AffineOp>;

/**
 * Operations that change levels but not positions; ops-tensors.ts and the engine's own operator have a function for
 * each.
 */
export const pixelOpNames = [
  'autocontrast',
  'equalize',
  'invert',
  'solarize',
  'solarizeAdd',
  'posterize',
  'brightness',
  'contrast',
  'color',
  'sharpness',
  'hue',
  'grayscale',
  'gaussianBlur',
] as const;
export type PixelOpName = (typeof pixelOpNames)[number];

export type OpName = PixelOpName | keyof typeof affineOps | 'identity';

/** One operation on one image. */
export interface OpChoice {
  readonly op: OpName;
  /** The operation's argument, in its own unit. */
  readonly arg: number;
  /** Interpolation of a geometric operation. Default bilinear. */
  readonly filter?: AffineFilter;
}

/** The operations for one image, in order; undefined entries are skipped. */
export type Plan = readonly (OpChoice | undefined)[];

export const isAffine = (op: OpName): op is keyof typeof affineOps => op in affineOps;

/** The matrix of a geometric operation for an image of `width` × `height`. */
export function matrixOf({ op, arg }: OpChoice, width: number, height: number): Matrix {
  const toMatrix: AffineOp = affineOps[op as keyof typeof affineOps];
  return toMatrix(arg, width, height);
}

/** Geometric operations: a matrix, and the interpolation between pixels. */

/**
 * Source position of an output pixel, in pixels: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`; corners are whole numbers.
 */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Interpolation between pixels. */
export const affineFilters = ['nearest', 'bilinear', 'bicubic'] as const;
export type AffineFilter = (typeof affineFilters)[number];

/** Pillow's own rounding of sines and cosines, so that a quarter turn is exact. */
const to15Digits = (x: number): number => Number(x.toFixed(15));

/** The matrix that turns an image of `width` × `height` by `degrees` counter-clockwise around its middle. */
export function rotation(degrees: number, width: number, height: number): Matrix {
  const within = degrees % 360;
  const radians = -(within < 0 ? within + 360 : within) * (Math.PI / 180);
  const cos = to15Digits(Math.cos(radians));
  const sin = to15Digits(Math.sin(radians));
  const x = width / 2;
  const y = height / 2;
  return [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y];
}

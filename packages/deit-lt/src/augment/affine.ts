/**
 * Rotation, shear and translation as Pillow's `Image.transform` does them with bilinear interpolation: the centre of each
 * output pixel is mapped into the source; what lies outside takes the fill colour; results are truncated to whole levels.
 */
import * as torch from '@deit-lt/torch';

/** Where an output pixel comes from, in pixels: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`; corners are whole numbers. */
export type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The matrix that turns an image of `width` × `height` by `degrees` counter-clockwise around its middle. */
export function rotation(degrees: number, width: number, height: number): Matrix {
  const radians = (-degrees * Math.PI) / 180;
  const cos = Math.cos(radians);
  const sin = Math.sin(radians);
  const x = width / 2;
  const y = height / 2;
  return [cos, sin, x - cos * x - sin * y, -sin, cos, y + sin * x - cos * y];
}

/** `second` after `first`, as maps from output to source: looks up through `first`, then through `second`. */
export function compose(first: Matrix, second: Matrix): Matrix {
  const [a, b, c, d, e, f] = first;
  const [A, B, C, D, E, F] = second;
  return [A * a + B * d, A * b + B * e, A * c + B * f + C, D * a + E * d, D * b + E * e, D * c + E * f + F];
}

/** The matrix in coordinates from −1 to 1 across the image, as `affineGridGenerator` takes it. */
function normalised([a, b, c, d, e, f]: Matrix, width: number, height: number): number[] {
  const slope = (b * height) / width;
  const rise = (d * width) / height;
  return [a, slope, a + slope + (2 * c) / width - 1, rise, e, rise + e + (2 * f) / height - 1];
}

/** Truncation would turn 99.99999 into 99 where Pillow's doubles give 100. */
const roundingSlack = 1e-3;

/**
 * Each image of `[n, 3, H, W]` (levels 0…255) through its matrix, bilinear; outside of the source, `fill` (three levels).
 * On whole levels the result differs from Pillow's by at most one level.
 */
export function affine(images: torch.Tensor, matrices: readonly Matrix[], fill: readonly number[]): torch.Tensor {
  const [n, channels, height, width] = images.shape as [number, number, number, number];
  const numbers = Float64Array.from(matrices.flatMap((matrix) => normalised(matrix, width, height)));
  const theta = torch.tensor(numbers, { shape: [n, 2, 3], device: images.device });
  // In doubles: what is inside and what outside is decided at exact borders.
  const grid = torch.affineGridGenerator(theta, [n, channels, height, width], false); // (n, H, W, 2)
  const inside = grid.ge(-1).logicalAnd_(grid.lt(1)).all(3).unsqueeze(1); // (n, 1, H, W)
  const bilinear = 0;
  const border = 1;
  const sampled = torch.gridSampler2d(images, grid.to(images.dtype), bilinear, border, false);
  const colour = torch
    .tensor([...fill])
    .to(images.device)
    .view(1, 3, 1, 1);
  return sampled.add_(roundingSlack).floor_().where(inside, colour);
}

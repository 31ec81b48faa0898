/**
 * Rotation, shear and translation as Pillow's `Image.transform` and `Image.rotate` do them: the centre of each output
 * pixel is mapped into the source; what lies outside takes the fill colour; results are truncated to whole levels.
 * Bicubic is Pillow's own cubic (a = −1), not the one of resizing (a = −0.5).
 */
import type * as torch from '@deit-lt/torch';
import type { AffineFilter, Matrix } from './affine-matrix.js';
import { planResampling } from './affine-tensors.js';
import { affineStep, applyNatively, isNative } from './native.js';
import type { PlannedBatch } from './transform.js';

/** `second` after `first`, as maps from output to source: looks up through `first`, then through `second`. */
export function compose(first: Matrix, second: Matrix): Matrix {
  const [a, b, c, d, e, f] = first;
  const [A, B, C, D, E, F] = second;
  return [A * a + B * d, A * b + B * e, A * c + B * f + C, D * a + E * d, D * b + E * e, D * c + E * f + F];
}

const isIdentity = (matrix: Matrix): boolean => matrix.every((value, i) => value === (i === 0 || i === 4 ? 1 : 0));

/**
 * Plans to take each image of `[n, 3, H, W]` (whole levels 0…255) through its matrix; outside of the source, `fill` (three
 * whole levels). The levels are Pillow's. A new tensor, channels last.
 */
export function planAffine(
  matrices: readonly Matrix[],
  fill: readonly number[],
  batch: PlannedBatch,
): (images: torch.Tensor) => torch.Tensor {
  const filters = matrices.map((): AffineFilter => 'bilinear');
  const byTensors = () => planResampling(matrices, filters, fill, batch);
  if (batch.upload.packs) return byTensors();
  const steps = matrices.map((matrix) => (isIdentity(matrix) ? [] : [affineStep(matrix, 'bilinear')]));
  return (images) => (isNative(images) ? applyNatively(images, steps, fill) : byTensors()(images));
}

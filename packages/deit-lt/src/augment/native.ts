/**
 * The engine's operator for lists of operations on the images of a batch (packages/torch/native/images.cc): one pass over
 * each image, in bytes, on the CPU. The same operations as tensor compositions stand beside it (`levels.ts`,
 * `enhance.ts`, `hue.ts`, `blur.ts`, `affine-tensors.ts`), for other devices; the two give the same levels.
 */
import * as torch from '@deit-lt/torch';
import type { AffineFilter, Matrix } from './affine-matrix.js';

/** The names of the operator's operations, in its order. */
const codes = {
  affine: 0,
  autocontrast: 1,
  equalize: 2,
  invert: 3,
  solarize: 4,
  solarizeAdd: 5,
  posterize: 6,
  brightness: 7,
  contrast: 8,
  color: 9,
  sharpness: 10,
  grayscale: 11,
  hue: 12,
  boxBlur: 13,
} as const;

const filterCodes: Record<AffineFilter, number> = { nearest: 0, bilinear: 1, bicubic: 2 };

/** Image, operation and seven arguments. */
const columns = 9;

/** An operation and its arguments, as the operator takes them. */
export type Step = readonly number[];

/** One of the operations on levels; `hue` in steps of 1/255 of the circle, `boxBlur` in pixels. */
export function levelStep(op: Exclude<keyof typeof codes, 'affine'>, arg: number): Step {
  return [codes[op], arg];
}

/** A resampling. */
export function affineStep(matrix: Matrix, filter: AffineFilter): Step {
  return [codes.affine, filterCodes[filter], ...matrix];
}

/** True for what the operator takes. */
export function isNative(images: torch.Tensor): boolean {
  return images.device === 'cpu' && images.dtype === 'float32';
}

/** Applies `plans[i]` to image i of `[n, 3, H, W]` (whole levels 0…255): a new tensor, channels last. */
export function applyNatively(
  images: torch.Tensor,
  plans: readonly (readonly Step[])[],
  fill: readonly number[],
): torch.Tensor {
  const count = plans.reduce((sum, plan) => sum + plan.length, 0);
  const rows = new Float64Array(count * columns);
  let row = 0;
  plans.forEach((plan, image) => {
    for (const step of plan) rows.set([image, ...step], columns * row++);
  });
  const steps = torch.tensor(rows, { shape: [count, columns] });
  const operator = torch.ops.bridge!.image_operations!.default!;
  return operator(images, steps, fill.map(Math.round)) as torch.Tensor;
}

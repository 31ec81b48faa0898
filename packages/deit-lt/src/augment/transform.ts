/**
 * The parts of an augmentation. The geometric part of a pipeline gives each sample a window of its source image, which
 * the pixel source cuts out and resizes (in batches for images in memory, in the decoder for files); the rest works
 * on whole batches of tensors on the device that trains.
 */
import * as torch from '@deit-lt/torch';
import type { Filter, Window } from '../data/decode/window.js';
import type { RandomStream } from '../random/stream.js';
import { Upload } from '../upload.js';

/** Draws the window for an image of `width` × `height` pixels. */
export type WindowSampler = (width: number, height: number, random: RandomStream) => Window;

/**
 * Works on a batch. Images are float32 `[B, 3, S, S]` with values 0…255 before normalisation, `randoms[i]` is
 * the stream of sample i; the result has the same shape and memory format. Leaves its input as it is, unless
 * `mayChange` says that nobody else needs it, and may return it.
 */
export interface BatchTransform {
  (images: torch.Tensor, randoms: readonly RandomStream[], options?: TransformOptions): torch.Tensor;
  /** The same in two steps; a loader sends the numbers of all transforms that have it together. */
  readonly plan?: TransformPlan;
}

export interface TransformOptions {
  readonly mayChange?: boolean;
}

/** Size of the images of a batch, and what takes the numbers that the work on them needs. */
export interface PlannedBatch {
  readonly height: number;
  readonly width: number;
  readonly upload: Upload;
}

/** Draws for a batch before its images are on the device, and puts the numbers into `batch.upload`. */
export type TransformPlan = (batch: PlannedBatch, randoms: readonly RandomStream[]) => PlannedTransform;

/** The work on the images, after the upload was sent. */
export type PlannedTransform = (images: torch.Tensor, options?: TransformOptions) => torch.Tensor;

/** Returns the transform of which `plan` is the first step. */
export function plannedTransform(plan: TransformPlan): BatchTransform {
  const transform = (images: torch.Tensor, randoms: readonly RandomStream[], options?: TransformOptions) =>
    atOnce(images, (batch) => plan(batch, randoms), options);
  return Object.assign(transform, { plan });
}

/** Plans for `images` `[B, 3, H, W]`, sends the numbers and does the work. */
export function atOnce(
  images: torch.Tensor,
  plan: (batch: PlannedBatch) => PlannedTransform,
  options?: TransformOptions,
): torch.Tensor {
  return torch.tidy(() => {
    const [, , height, width] = images.shape as [number, number, number, number];
    const upload = new Upload(images.device);
    const run = plan({ height, width, upload });
    upload.send();
    return run(images, options);
  });
}

/** One way to see an image: all that happens to it between decoding and the network. */
export interface View {
  /** Side of the square input, in pixels. */
  readonly size: number;
  readonly filter: Filter;
  readonly window: WindowSampler;
  /** The transforms in order; the last ones normalise and erase. */
  readonly transforms: readonly BatchTransform[];
}

/** The views that a loader makes of each image: one, and more if the training needs several. */
export interface Pipeline extends View {
  /** Further views of the same images, each with its own random draws: multi-crop, or what the teacher sees. */
  readonly more?: readonly View[];
}

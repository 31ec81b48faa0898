/**
 * The parts of an augmentation. The geometric part of a pipeline gives each sample a window of its source image, which
 * the pixel source cuts out and resizes (in batches for images in memory, in the decoder for files); the rest works
 * on whole batches of tensors on the device that trains.
 */
import type * as torch from '@deit-lt/torch';
import type { Filter, Window } from '../data/decode/window.js';
import type { RandomStream } from '../random/stream.js';

/** Draws the window for an image of `width` × `height` pixels. */
export type WindowSampler = (width: number, height: number, random: RandomStream) => Window;

/**
 * Works on a batch. Images are float32 `[B, 3, S, S]` with values 0…255 before normalisation, `randoms[i]` is
 * the stream of sample i; the result has the same shape and memory format. Leaves its input as it is, unless
 * `mayChange` says that nobody else needs it, and may return it.
 */
export type BatchTransform = (
  images: torch.Tensor,
  randoms: readonly RandomStream[],
  options?: { readonly mayChange?: boolean },
) => torch.Tensor;

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

/** The messages between the page and the worker that runs the model. */
import type { Opinion, PageModel } from 'deit-lt/browser';

/** A message of the page: first the place of the model, then images, numbered by the page. */
export type Question =
  | { readonly kind: 'load'; readonly from: string }
  /** A file, or a picture of the camera, which the worker closes. */
  | { readonly kind: 'look'; readonly id: number; readonly image: Blob | ImageBitmap };

/** The model's predictions for an image, and its input. */
export interface Seen extends Opinion {
  /** The part of the image that the model was shown, in the image's own pixels, square. */
  readonly view: ImageBitmap;
  /** The network's input before normalisation, as large as that. */
  readonly input: ImageBitmap;
  /** Share of each patch in a token (attention rollout); absent for networks without attention. */
  readonly maps: { readonly cls?: Float64Array; readonly dist?: Float64Array };
}

export type Answer =
  | { readonly kind: 'loading'; readonly loaded: number; readonly total: number }
  | { readonly kind: 'ready'; readonly about: PageModel }
  /** The model cannot be used; a sentence for the reader. */
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'seen'; readonly id: number; readonly seen: Seen }
  /** The rest of a sentence that begins with the image's name. */
  | { readonly kind: 'unreadable'; readonly id: number; readonly reason: string };

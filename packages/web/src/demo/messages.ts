/** What the page and the worker that runs the model say to each other. */
import type { Opinion, PageModel } from 'deit-lt/browser';

/** From the page: first where the model lies, then images, by numbers of the page's choice. */
export type Question =
  | { readonly kind: 'load'; readonly from: string }
  /** A file, or a picture of the camera, which the worker closes. */
  | { readonly kind: 'look'; readonly id: number; readonly image: Blob | ImageBitmap };

/** What the model says of an image, and what it saw. */
export interface Seen extends Opinion {
  /** The part of the image that the model was shown, in the image's own pixels, square. */
  readonly view: ImageBitmap;
  /** The network's input before normalisation, as large as that. */
  readonly input: ImageBitmap;
  /** How much of each patch reaches a token; absent for networks without attention. */
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

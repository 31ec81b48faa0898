/** The images on the page: what is known of each, newest last. */
import type { Seen } from './messages.js';

export interface ShownImage {
  readonly id: number;
  readonly name: string;
  readonly seen?: Seen;
  /** Why there is nothing to show; a sentence. */
  readonly problem?: string;
}

export interface ShownImages {
  readonly all: readonly ShownImage[];
  /** Number of the image whose predictions are shown. */
  readonly selected: number | undefined;
}

export type Change =
  | { readonly kind: 'add'; readonly images: readonly ShownImage[] }
  | { readonly kind: 'know'; readonly id: number; readonly fact: Pick<ShownImage, 'seen' | 'problem'> }
  | { readonly kind: 'select'; readonly id: number }
  | { readonly kind: 'clear' };

export const noImages: ShownImages = { all: [], selected: undefined };

/** Added images are selected, the first of them. */
export function changed(images: ShownImages, change: Change): ShownImages {
  if (change.kind === 'clear') return noImages;
  if (change.kind === 'select') return { ...images, selected: change.id };
  if (change.kind === 'add')
    return { all: [...images.all, ...change.images], selected: change.images[0]?.id ?? images.selected };
  const all = images.all.map((image) => (image.id === change.id ? { ...image, ...change.fact } : image));
  return { ...images, all };
}

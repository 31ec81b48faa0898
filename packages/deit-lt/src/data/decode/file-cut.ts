/** The windows that are cut out of an image, and the size that it had when they were chosen. */
import type { Rgb } from './background.js';
import type { Size } from './raw-pixels.js';
import type { Filter, Window } from './window.js';

/** A part of an image and what becomes of it. */
export interface FileCut {
  readonly window: Window;
  readonly size: number;
  readonly filter: Filter;
  /** Gets the pixels: `size · size · 3` bytes, RGB. */
  readonly target: Uint8Array;
}

/** The size that an image had, upright, when its windows were chosen, and what is below it where it is transparent. */
export interface MeasuredImage extends Size {
  readonly background: Rgb;
}

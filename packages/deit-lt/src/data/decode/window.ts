/** The part of a source image that is a sample, and its resizing. */

/**
 * The part of a source image that becomes the network's input, in source pixels; it may reach over the edge, and is
 * black there unless `reflect` is set. `flip` mirrors it left to right after the cut.
 */
export interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly flip: boolean;
  /** Mirrors it upside down after the cut. Default false. */
  readonly flipVertical?: boolean;
  /**
   * The filter may see the pixels around the window, as when the whole image is resized first and cropped then; the
   * default is that of a crop which is resized. Only with it are fractions of pixels meant.
   */
  readonly seesAround?: boolean;
  /**
   * Beyond its edge the image continues as its mirror image, without the edge pixel twice: with `seesAround` the
   * resized image, else the source. Default false: black.
   */
  readonly reflect?: boolean;
}

/** Filters for resizing a window: PIL's filters with antialiasing, as timm and torchvision use them. */
export type Filter = 'nearest' | 'bilinear' | 'bicubic';

/** Returns `window` for an image whose sides are `factor` times as long. */
export function scaled(window: Window, factor: number): Window {
  if (factor === 1) return window;
  const { x, y, width, height, ...rest } = window;
  return { ...rest, x: x * factor, y: y * factor, width: width * factor, height: height * factor };
}

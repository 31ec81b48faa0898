/** Which part of a source image a sample is, and how it is resized. */

/**
 * The part of a source image that becomes the network's input, in source pixels; it may reach over the edge.
 * `flip` mirrors it left to right after the cut.
 */
export interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly flip: boolean;
  /**
   * The filter may see the pixels around the window, as when the whole image is resized first and cropped then; the
   * default is that of a crop which is resized. Only with it are fractions of pixels meant.
   */
  readonly seesAround?: boolean;
}

/** How a window is resized: PIL's filters with antialiasing, as timm and torchvision use them. */
export type Filter = 'nearest' | 'bilinear' | 'bicubic';

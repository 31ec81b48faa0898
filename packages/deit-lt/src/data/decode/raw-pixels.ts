/** The results of decoding an image file. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** `pixels` has `height · width · 3` bytes, row by row, RGB. */
export interface RawPixels extends Size {
  readonly pixels: Uint8Array;
}

/** Images of more pixels are refused: libvips' own limit, 0x3fff². */
export const maxPixels = 0x3fff ** 2;

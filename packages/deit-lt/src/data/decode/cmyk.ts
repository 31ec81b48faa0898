/** Converts CMYK to RGB. */

/**
 * `[n · channels]` levels of cyan, magenta, yellow, black (and what else there is, which is left out) to RGB, in Pillow's
 * arithmetic: `(255 − ink) · (255 − black) / 255` with its rounding. Profiles of printers are not applied.
 */
export function inksToColours(levels: Uint8Array, channels = 4): Uint8Array {
  const pixels = new Uint8Array((levels.length / channels) * 3);
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
    const light = 255 - levels[from + 3]!;
    for (let c = 0; c < 3; c++) {
      const product = levels[from + c]! * light + 128;
      pixels[to + c] = light - (((product >> 8) + product) >> 8);
    }
  }
  return pixels;
}

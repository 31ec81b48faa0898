/** The colour that transparent images are composed on. */

/** Red, green and blue levels, 0 … 255. */
export type Rgb = readonly [number, number, number];

/** White, as most pages and viewers show behind an image. */
export const white: Rgb = [255, 255, 255];

export const sameColour = (a: Rgb, b: Rgb): boolean => a.every((level, i) => level === b[i]);

/** `[n · 4]` levels, red, green, blue and alpha, over `background`: `[n · 3]`. */
export function composed(rgba: Uint8Array | Uint8ClampedArray, background: Rgb): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]!;
    for (let c = 0; c < 3; c++)
      rgb[to + c] = alpha === 255 ? rgba[from + c]! : compose(rgba[from + c]!, background[c]!, alpha);
  }
  return rgb;
}

/** `colour` over `background` with `alpha` of 0 … 255, rounded. */
export function compose(colour: number, background: number, alpha: number): number {
  return Math.round((colour * alpha + background * (255 - alpha)) / 255);
}

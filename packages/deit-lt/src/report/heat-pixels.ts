/** A map of how much each patch counts, as pixels that are laid over the image. */

/** Seen on photographs of any colour. */
const color = [255, 96, 0] as const;
/** The image stays visible below the strongest patch. */
const strongest = 215;

/** A pixel, RGBA, for each value of `map`: from clear (the least) to strong (the most). */
export function heatPixels(map: ArrayLike<number>): Uint8ClampedArray {
  const values = Array.from(map);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return Uint8ClampedArray.from(
    values.flatMap((value) => [...color, high === low ? 0 : Math.round((strongest * (value - low)) / (high - low))]),
  );
}

/** `row 2, column 5`, counted from 1: where `map`, of rows of `columns` values, is largest. */
export function peakOf(map: ArrayLike<number>, columns: number): string {
  const values = Array.from(map);
  const at = values.indexOf(Math.max(...values));
  return `row ${Math.floor(at / columns) + 1}, column ${(at % columns) + 1}`;
}

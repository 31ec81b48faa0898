/** A map of how much each patch counts, as a small transparent picture that is laid over the image. */
import sharp from 'sharp';

/** Seen on photographs of any colour. */
const color = [255, 96, 0] as const;
/** The image stays visible below the strongest patch. */
const strongest = 215;

/** `map` has `rows · columns` values, row by row; the picture has a pixel for each, from clear (least) to strong (most). */
export async function heatMap(map: readonly number[], columns: number): Promise<string> {
  const [low, high] = [Math.min(...map), Math.max(...map)];
  const bytes = Uint8Array.from(
    map.flatMap((value) => [...color, high === low ? 0 : Math.round((strongest * (value - low)) / (high - low))]),
  );
  const raw = { width: columns, height: map.length / columns, channels: 4 } as const;
  const file = await sharp(bytes, { raw }).png().toBuffer();
  return `data:image/png;base64,${file.toString('base64')}`;
}

/** `row 2, column 5`, counted from 1: where `map` is largest. */
export function peakOf(map: readonly number[], columns: number): string {
  const at = map.indexOf(Math.max(...map));
  return `row ${Math.floor(at / columns) + 1}, column ${(at % columns) + 1}`;
}

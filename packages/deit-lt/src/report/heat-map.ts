/** A map of how much each patch counts, as a small transparent picture that is laid over the image. */
import sharp from 'sharp';
import { heatPixels } from './heat-pixels.js';

/** `map` has `rows · columns` values, row by row; the picture has a pixel for each. */
export async function heatMap(map: readonly number[], columns: number): Promise<string> {
  const raw = { width: columns, height: map.length / columns, channels: 4 } as const;
  const file = await sharp(heatPixels(map), { raw }).png().toBuffer();
  return `data:image/png;base64,${file.toString('base64')}`;
}

/** Small images written by sharp, for the tests of reading them. */
import fs from 'node:fs';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';

export type Rgb = readonly [number, number, number];

/** An image of one colour. */
export function solid([r, g, b]: Rgb, width = 8, height = 6): Sharp {
  return sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
}

/** Writes an image of one colour in the format of the extension, making its folder. */
export async function writeImage(file: string, colour: Rgb, width = 8, height = 6): Promise<void> {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  await solid(colour, width, height).toFile(file);
}

/** The first half of a JPEG with enough detail that half of it is lost. */
export async function truncatedJpeg(): Promise<Buffer> {
  const pixels = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256));
  const whole = await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer();
  return whole.subarray(0, whole.length / 2);
}

/** `train/<class>` and `test/<class>` with PNG images, each of its own colour. */
export async function writeTree(root: string, splits: Record<string, Record<string, number>>): Promise<void> {
  let n = 0;
  for (const [split, classes] of Object.entries(splits))
    for (const [name, count] of Object.entries(classes)) {
      fs.mkdirSync(path.join(root, split, name), { recursive: true });
      for (let i = 0; i < count; i++, n++)
        await writeImage(path.join(root, split, name, `${i}.png`), [n % 256, n >> 8, 100]);
    }
}

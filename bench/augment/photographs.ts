/**
 * A folder of JPEG files in the place of photographs: embedded shapes, enlarged and covered with noise until a file is as
 * large as one of ImageNet, or images that are given.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { forEachBounded } from '#deit-lt/data/decode/bounded.js';
import { drawShapes, shapeNames } from '#deit-lt/data/shapes/index.js';

export const photographSize = { width: 500, height: 375 };
const quality = 90;
/** Deviation of the noise in levels before it is laid over: files of about 100 kB. */
const grain = 35;

export interface PhotographOptions {
  count: number;
  /** Further files are copies of these, each a file of its own. */
  distinct: number;
  /** A folder of images to use instead of shapes. */
  from?: string | undefined;
}

/** Writes the files into `folder` and gives their paths. */
export async function writePhotographs(
  folder: string,
  { count, distinct, from }: PhotographOptions,
): Promise<{ paths: string[]; meanBytes: number }> {
  const paths = Array.from({ length: count }, (_, i) => path.join(folder, `${i}.jpg`));
  const drawn = Math.min(count, distinct);
  const images = from === undefined ? await shapes(drawn) : await imagesOf(from, drawn);
  const draw = async (i: number): Promise<void> => void (await images(i).jpeg({ quality }).toFile(paths[i]!));
  await forEachBounded(drawn, draw, { limit: 4 });
  const copy = (i: number): Promise<void> => fs.copyFile(paths[i % drawn]!, paths[drawn + i]!);
  await forEachBounded(count - drawn, copy, { limit: 8 });
  const sizes = await Promise.all(paths.slice(0, drawn).map(async (file) => (await fs.stat(file)).size));
  return { paths, meanBytes: sizes.reduce((a, b) => a + b, 0) / drawn };
}

async function shapes(count: number): Promise<(index: number) => Sharp> {
  const size = 96;
  const perClass = Math.ceil(count / shapeNames.length);
  const { images } = drawShapes({ size, trainPerClass: perClass, testPerClass: 0 }).train;
  if (images.kind !== 'memory') throw new Error('internal: shapes are drawn into memory');
  const raw = { width: size, height: size, channels: 3 } as const;
  const { width, height } = photographSize;
  const films = await Promise.all(Array.from({ length: 8 }, film));
  return (index) =>
    sharp(images.pixels.subarray(index * size ** 2 * 3, (index + 1) * size ** 2 * 3), { raw })
      .resize(width, height, { fit: 'fill', kernel: 'cubic' })
      .composite([{ input: films[index % films.length]!, raw: { ...photographSize, channels: 3 }, blend: 'overlay' }]);
}

/** Noise as large as a photograph. */
function film(): Promise<Buffer> {
  const noise = { type: 'gaussian', mean: 128, sigma: grain } as const;
  return sharp({ create: { ...photographSize, channels: 3, background: 'grey', noise } })
    .raw()
    .toBuffer();
}

async function imagesOf(folder: string, count: number): Promise<(index: number) => Sharp> {
  const { width, height } = photographSize;
  const names = (await fs.readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).slice(0, count);
  if (names.length === 0) throw new Error(`${folder} has no JPEG, PNG or WebP files`);
  return (index) => sharp(path.join(folder, names[index % names.length]!)).resize(width, height, { fit: 'fill' });
}

/** Images as a page shows them: what the network sees, small, as `data:` addresses. */
import sharp from 'sharp';
import type { Pipeline } from '../../augment/transform.js';
import type { PixelSource } from '../../data/pixel-source.js';
import { stream } from '../../random/stream.js';

/** Larger pictures say no more in a gallery and make the page heavy. */
const largest = 128;
/** Up to this side PNG is smaller than WebP's overhead is worth, and exact. */
const exactUpTo = 48;

/** The images `ids`, cut as `pipeline` (an evaluation's) cuts them, before normalisation. */
export async function pictures(source: PixelSource, ids: readonly number[], pipeline: Pipeline): Promise<string[]> {
  if (ids.length === 0) return [];
  const images = Int32Array.from(ids);
  await source.measure?.(images);
  const windows = ids.map((id) => {
    const { width, height } = source.sizeOf(id);
    return pipeline.window(width, height, stream(0, 'draw', 0, id));
  });
  const side = Math.min(pipeline.size, largest);
  using read = await source.read(images, windows, side, pipeline.filter);
  const pixels = read.permute(0, 2, 3, 1).contiguous();
  const bytes = Uint8Array.from(pixels.to('cpu').toTypedArray<'float32'>());
  pixels.dispose();
  const size = side * side * 3;
  return Promise.all(ids.map((_, i) => encode(bytes.subarray(i * size, (i + 1) * size), side)));
}

async function encode(pixels: Uint8Array, side: number): Promise<string> {
  const image = sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
  const [type, file] =
    side <= exactUpTo ? ['png', await image.png().toBuffer()] : ['webp', await image.webp({ quality: 80 }).toBuffer()];
  return `data:image/${type};base64,${file.toString('base64')}`;
}

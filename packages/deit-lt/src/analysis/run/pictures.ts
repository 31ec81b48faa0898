/** Images as a page shows them: what the network sees, small, as `data:` addresses. */
import * as torch from '@deit-lt/torch';
import sharp from 'sharp';
import type { Pipeline } from '../../augment/transform.js';
import type { PixelSource } from '../../data/pixel-source.js';
import { stream } from '../../random/stream.js';
import type { TrainingRecipe } from '../../recipe/schema.js';

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
  return encodeAll(bytes, side);
}

/** Images of `side` pixels, row by row and RGB, one after the other. */
function encodeAll(bytes: Uint8Array, side: number): Promise<string[]> {
  const size = side * side * 3;
  const starts = Array.from({ length: bytes.length / size }, (_, i) => i * size);
  return Promise.all(starts.map((start) => encode(bytes.subarray(start, start + size), side)));
}

/** A network's normalised batch `[B, 3, S, S]` with its colours back, as it sees them. */
export function picturesOfBatch(
  images: torch.Tensor,
  { mean, std }: Pick<TrainingRecipe, 'mean' | 'std'>,
): Promise<string[]> {
  const bytes = torch.tidy(() => {
    const perChannel = (values: readonly number[]): torch.Tensor => torch.tensor([...values]).view(-1, 1, 1);
    const levels = images.to('cpu').float().mul(perChannel(std)).add(perChannel(mean)).mul(255).round().clamp(0, 255);
    return Uint8Array.from(levels.permute(0, 2, 3, 1).contiguous().toTypedArray<'float32'>());
  });
  return encodeAll(bytes, images.size(3));
}

async function encode(pixels: Uint8Array, side: number): Promise<string> {
  const raw = sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
  const image = side > largest ? raw.resize(largest) : raw;
  const [type, file] =
    side <= exactUpTo ? ['png', await image.png().toBuffer()] : ['webp', await image.webp({ quality: 80 }).toBuffer()];
  return `data:image/${type};base64,${file.toString('base64')}`;
}

/** Small versions of the images of a split, which are compared instead of the images. */
import * as torch from '@deit-lt/torch';
import type { Images } from '../dataset.js';
import type { Window } from '../decode/window.js';
import { openPixels } from '../open-pixels.js';
import { thumbSize } from './alignment.js';

export interface Thumbnails {
  /** 32 × 32 grey levels of each image, row by row. */
  readonly grey: Uint8Array;
  /**
   * `[N, 192]`: 8 × 8 colours of each image, minus their mean, of length 1, so that products are correlations. An even image
   * is zero. The caller releases it.
   */
  readonly codes: torch.Tensor;
}

const codeSize = 8;
const batchSize = 256;

export interface ThumbnailOptions {
  readonly onBatch?: (images: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Reads all images, each squeezed to a square. Rejects with UserError DATA_BAD_FILES for files that cannot be read. */
export async function thumbnailsOf(images: Images, { onBatch, signal }: ThumbnailOptions = {}): Promise<Thumbnails> {
  const { length } = images;
  const area = thumbSize ** 2;
  const grey = new Uint8Array(length * area);
  const codes = torch.zeros([length, 3 * codeSize ** 2]);
  await using source = openPixels(images);
  for (let from = 0; from < length; from += batchSize) {
    signal?.throwIfAborted();
    const ids = Int32Array.from({ length: Math.min(batchSize, length - from) }, (_, i) => from + i);
    await source.measure?.(ids);
    const windows = Array.from(ids, (id): Window => ({ x: 0, y: 0, ...source.sizeOf(id), flip: false }));
    using pixels = await source.read(ids, windows, thumbSize, 'bilinear'); // (B, 3, 32, 32)
    torch.tidy(() => {
      grey.set(greyOf(pixels).to('uint8').toTypedArray<'uint8'>(), from * area);
      codes.narrow(0, from, ids.length).copy_(codesOf(pixels));
    });
    onBatch?.(ids.length);
  }
  return { grey, codes };
}

/** The luma of ITU-R 601, as Pillow's `convert('L')`. */
function greyOf(pixels: torch.Tensor): torch.Tensor {
  const weights = torch.tensor([0.299, 0.587, 0.114]).view([1, 3, 1, 1]);
  return pixels.mul(weights).sum(1).round().contiguous();
}

function codesOf(pixels: torch.Tensor): torch.Tensor {
  const step = thumbSize / codeSize;
  const small = torch.nn.functional.avgPool2d(pixels.contiguous(), step).flatten(1); // (B, 192)
  const centered = small.sub(small.mean(1, { keepdim: true }));
  return centered.div(centered.square().sum(1, { keepdim: true }).sqrt().clamp({ min: 1e-3 }));
}

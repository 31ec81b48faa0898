/** Windows of image files that a training sees in each epoch, from copies of large images (`cache/image-copies.ts`). */

import { withFileBytes } from '../cache/file-bytes.js';
import { type CopyFolder, ImageCopy } from '../cache/image-copies.js';
import { tapsOfWindow } from '../resample/resample-image.js';
import { resampleFast } from '../resample/resample-wasm.js';
import { decodeBudget } from './budget.js';
import { decodeBytes, decodedBytes } from './decode.js';
import type { FileCut, MeasuredImage } from './file-cut.js';
import { readHeader } from './image-header.js';
import type { RawPixels, Size } from './raw-pixels.js';
import { factorOf, shrunk, shrunkSize } from './shrink.js';
import { scaled } from './window.js';

/**
 * `shrunk`: random windows, cut out of a smaller image that is kept; `cut`: the same windows in each epoch, which are kept
 * themselves, with the pixels of the whole image.
 */
export type CopyKind = 'shrunk' | 'cut';

export interface Copies extends CopyFolder {
  readonly kind: CopyKind;
}

type Cutter = (file: string, image: MeasuredImage, cuts: readonly FileCut[]) => Promise<Size | undefined>;

/**
 * Fills the targets of `cuts` from a copy of a large image, or by `cutter` from the file. Returns the size of an image that is
 * not of the given one. Throws as `decodeOrThrow`.
 */
export async function cutCopied(
  file: string,
  image: MeasuredImage,
  cuts: readonly FileCut[],
  { copies, cutter }: { readonly copies: Copies; readonly cutter: Cutter },
): Promise<Size | undefined> {
  const factor = factorOf(image, cuts);
  if (factor === 1) return cutter(file, image, cuts);
  if (copies.kind === 'cut') return cutOnce(file, image, cuts, { copies, cutter });
  const small = await shrunkImage(file, image, factor, copies);
  if (!('pixels' in small)) return small;
  for (const { window, size, filter, target } of cuts)
    resampleFast(small, tapsOfWindow(scaled(window, 1 / factor), small, size, filter), target);
  return undefined;
}

const sameSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

/** The smaller image, or the size that the image has when it is not the given one. */
async function shrunkImage(
  file: string,
  image: MeasuredImage,
  factor: number,
  copies: Copies,
): Promise<RawPixels | Size> {
  const { width, height, background } = image;
  const copy = ImageCopy.of(file, `${factor} ${width} ${height} ${background}`, copies);
  const size = shrunkSize(image, factor);
  const kept = copy?.read();
  if (kept?.length === size.width * size.height * 3) return { ...size, pixels: kept };
  const made = await withFileBytes(file, (bytes) => decodeShrunk(bytes, image, factor));
  if ('pixels' in made) copy?.write(made.pixels);
  return made;
}

/** A JPEG file is decoded smaller as far as that is exact in size; means do the rest. */
async function decodeShrunk(bytes: Buffer, image: MeasuredImage, factor: number): Promise<RawPixels | Size> {
  const { width, height, background } = image;
  const header = readHeader(bytes);
  if (header.size !== undefined && !sameSize(header.size, image)) return header.size;
  const divides = (by: number): boolean => by <= factor && width % by === 0 && height % by === 0;
  const by = header.format === 'jpeg' ? ([8, 4, 2].find(divides) ?? 1) : 1;
  const size = { width: width / by, height: height / by };
  return decodeBudget().within(decodedBytes(size, header), async () => {
    const decoded = await decodeBytes(bytes, header, { background, ...(by > 1 && { shrunk: size }) });
    if (sameSize(decoded, size)) return shrunk(decoded, factor / by);
    if (by > 1)
      throw new Error(`internal: libvips gave ${decoded.width} × ${decoded.height} pixels of a smaller image`);
    return { width: decoded.width, height: decoded.height };
  });
}

async function cutOnce(
  file: string,
  image: MeasuredImage,
  cuts: readonly FileCut[],
  { copies, cutter }: { readonly copies: Copies; readonly cutter: Cutter },
): Promise<Size | undefined> {
  const { width, height, background } = image;
  const wanted = cuts.map(({ target: _, ...cut }) => cut);
  const copy = ImageCopy.of(file, `cut ${width} ${height} ${background} ${JSON.stringify(wanted)}`, copies);
  const kept = copy?.read();
  const starts = cuts.map((_, i) => cuts.slice(0, i).reduce((sum, { target }) => sum + target.length, 0));
  if (kept?.length === starts.at(-1)! + cuts.at(-1)!.target.length) {
    for (const [i, { target }] of cuts.entries()) target.set(kept.subarray(starts[i]!, starts[i]! + target.length));
    return undefined;
  }
  const found = await cutter(file, image, cuts);
  if (found === undefined) copy?.write(Buffer.concat(cuts.map(({ target }) => target)));
  return found;
}

/**
 * One window of an image file, resized as Pillow does. A window that shrinks by 4 or more is decoded from a JPEG at a
 * half, quarter or eighth of its size, which leaves a factor of at least 2 to the resize: the same
 * within one or two levels (0.2 on average on textured images of 4 megapixels) in a third of the time. Only the outermost
 * pixels of a crop may differ more, where its edge falls between the larger pixels.
 */
import path from 'node:path';
import { decodeImage, openImage } from './decode.js';
import { type RawImage, resampleImage } from './resample-image.js';
import type { Filter, Window } from './window.js';

export interface FileWindow {
  readonly path: string;
  /** Of the whole image, upright, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly window: Window;
  readonly size: number;
  readonly filter: Filter;
}

/** The pixels of the window: `size · size · 3` bytes, RGB. Throws `UserError` DATA_BAD_FILES. */
export async function decodeWindow(wanted: FileWindow): Promise<Uint8Array> {
  const { path: file, width, height, window, size, filter } = wanted;
  const shrink = shrinkOnLoad(wanted);
  const smaller = shrink > 1 ? await decodeSmaller(file, width / shrink, height / shrink) : undefined;
  if (smaller !== undefined) return resampleImage(smaller, scaled(window, 1 / shrink), size, filter);
  return resampleImage(await decodeImage(file), window, size, filter);
}

/**
 * By which power of two a file is decoded smaller: 1, 2, 4 or 8. Only by one that divides both sides: otherwise libvips
 * would resize what is left over, by another method.
 */
export function shrinkOnLoad({ path: file, width, height, window, size, filter }: FileWindow): number {
  if (filter === 'nearest' || !/\.jpe?g$/i.test(path.extname(file))) return 1;
  const spare = Math.min(window.width, window.height) / size / 2;
  return [8, 4, 2].find((factor) => factor <= spare && width % factor === 0 && height % factor === 0) ?? 1;
}

/** The image at another size; undefined when that fails, so that the whole image is tried and its error is told. */
async function decodeSmaller(file: string, width: number, height: number): Promise<RawImage | undefined> {
  try {
    const image = (await openImage(file)).resize(width, height, {
      fit: 'fill',
      kernel: 'cubic',
      fastShrinkOnLoad: true,
    });
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: data };
  } catch {
    return undefined;
  }
}

function scaled({ x, y, width, height, ...rest }: Window, factor: number): Window {
  return { ...rest, x: x * factor, y: y * factor, width: width * factor, height: height * factor };
}

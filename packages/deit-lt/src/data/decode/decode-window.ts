/**
 * Windows of an image file, resized as Pillow does. Windows that shrink by 4 or more are decoded from a JPEG at a
 * half, quarter or eighth of its size, which leaves a factor of at least 2 to the resize: the same
 * within one or two levels (0.2 on average on textured images of 4 megapixels) in a third of the time. Only the outermost
 * pixels of a crop may differ more, where its edge falls between the larger pixels.
 */
import path from 'node:path';
import { withFileBytes } from '../cache/file-bytes.js';
import { pixelsSeen, type RawImage, tapsOfWindow, type WindowTaps } from '../resample/resample-image.js';
import type { Taps } from '../resample/resample-taps.js';
import { resampleFast } from '../resample/resample-wasm.js';
import { decodeImage, openImage } from './decode.js';
import type { Filter, Window } from './window.js';

/** A part of an image and what becomes of it. */
export interface FileCut {
  readonly window: Window;
  readonly size: number;
  readonly filter: Filter;
  /** Gets the pixels: `size · size · 3` bytes, RGB. */
  readonly target: Uint8Array;
}

/** A file, and the size of its whole image, upright, in pixels. */
interface WholeFile extends Size {
  readonly path: string;
}

/** One window of a file. */
export interface FileWindow extends WholeFile, Omit<FileCut, 'target'> {}

/** Several windows of a file, which is decoded once. */
export interface FileWindows extends WholeFile {
  readonly cuts: readonly FileCut[];
}

/** Fills the targets of the windows. Throws `UserError` DATA_BAD_FILES. */
export async function decodeWindows({ cuts, ...whole }: FileWindows): Promise<void> {
  const shrink = Math.min(...cuts.map((cut) => shrinkOnLoad({ ...whole, ...cut })));
  const size = { width: whole.width / shrink, height: whole.height / shrink };
  const taps = cuts.map((cut) => tapsOfCut(cut, size, shrink));
  const part = await (shrink > 1 ? decodeSmaller(whole.path, size) : decodePart(whole, areaSeen(taps)));
  const image = part ?? (await decodeImage(whole.path));
  cuts.forEach((cut, i) => {
    const own = part === undefined ? tapsOfCut(cut, image, 1) : shifted(taps[i]!, part);
    resampleFast(image, own, cut.target);
  });
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The upper left corner of what was decoded, in pixels of the whole image; without it the whole image was. */
interface Corner {
  readonly left?: number;
  readonly top?: number;
}

function tapsOfCut({ window, size, filter }: FileCut, image: Size, shrink: number): WindowTaps {
  return tapsOfWindow(scaled(window, 1 / shrink), image, size, filter);
}

/** The smallest part of the image that all outputs see. */
function areaSeen(taps: readonly WindowTaps[]): Required<Corner> & Size {
  const seen = (axis: keyof WindowTaps): [number, number] => {
    const spans = taps.map((each) => pixelsSeen(each[axis])).filter(([from, to]) => to > from);
    return [Math.min(...spans.map(([from]) => from)), Math.max(...spans.map(([, to]) => to))];
  };
  const [left, right] = seen('across');
  const [top, bottom] = seen('down');
  return { left, top, width: right - left, height: bottom - top };
}

/** The weights for an image that begins at `left`, `top`. Output pixels without weights begin anywhere. */
function shifted({ across, down }: WindowTaps, { left = 0, top = 0 }: Corner): WindowTaps {
  const by = ({ first, ...rest }: Taps, start: number): Taps => ({
    ...rest,
    first: start === 0 ? first : first.map((pixel) => Math.max(0, pixel - start)),
  });
  return { across: by(across, left), down: by(down, top) };
}

/**
 * The part `area` of the image: libvips stops reading below it and converts nothing beside it. undefined when that is
 * all of the image, or nothing, and when it fails: then the whole image is tried and its error is told.
 */
async function decodePart(
  { path: file, width, height }: WholeFile,
  area: Required<Corner> & Size,
): Promise<(RawImage & Corner) | undefined> {
  const isPart = area.width > 0 && area.height > 0 && area.width * area.height < width * height;
  if (!isPart) return undefined;
  try {
    const pixels = await withFileBytes(file, async (bytes) => (await openImage(bytes)).extract(area).raw().toBuffer());
    return pixels.length === area.width * area.height * 3 ? { ...area, pixels } : undefined;
  } catch {
    return undefined;
  }
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
async function decodeSmaller(file: string, { width, height }: Size): Promise<(RawImage & Corner) | undefined> {
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

function scaled(window: Window, factor: number): Window {
  if (factor === 1) return window;
  const { x, y, width, height, ...rest } = window;
  return { ...rest, x: x * factor, y: y * factor, width: width * factor, height: height * factor };
}

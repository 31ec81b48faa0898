/**
 * Windows of an image file, resized as Pillow does. Windows that shrink by 4 or more are decoded from a JPEG at a half,
 * quarter or eighth of its size, which leaves a factor of at least 2 to the resize: nearly the same in less time (the
 * tests allow 4 levels on noise of full contrast). Every other window is what Pillow makes of the whole image, to the
 * level.
 */
import { withFileBytes } from '../cache/file-bytes.js';
import { pixelsSeen, tapsOfWindow, type WindowTaps } from '../resample/resample-image.js';
import type { Taps } from '../resample/resample-taps.js';
import { resampleFast } from '../resample/resample-wasm.js';
import { decodeBudget } from './budget.js';
import { type Copies, cutCopied } from './copied-windows.js';
import { type Area, badBytes, badFile, decodeBytes, decodedBytes } from './decode.js';
import type { FileCut, MeasuredImage } from './file-cut.js';
import { readHeader } from './image-header.js';
import type { Size } from './raw-pixels.js';
import { scaled } from './window.js';

/** Several windows of a file, which is decoded once. */
export interface FileWindows extends MeasuredImage {
  readonly path: string;
  readonly cuts: readonly FileCut[];
  /** Copies of large images, for trainings, which see each image many times. */
  readonly copies?: Copies;
}

/** Several windows of an image in memory. */
export interface BytesWindows extends MeasuredImage {
  readonly bytes: Uint8Array;
  readonly cuts: readonly FileCut[];
}

/**
 * Fills the targets of the windows. When the image has another size than the given one, for which the windows were
 * chosen, it does not change them and returns that size. Throws `UserError` DATA_BAD_FILES.
 */
export async function decodeWindows(windows: FileWindows | BytesWindows): Promise<Size | undefined> {
  if ('bytes' in windows) return decodeBytesWindows(windows);
  const { path: file, cuts, copies, ...image } = windows;
  try {
    return await (copies === undefined
      ? cutFile(file, image, cuts)
      : cutCopied(file, image, cuts, { copies, cutter: cutFile }));
  } catch (cause) {
    throw await badFile(file, cause);
  }
}

function cutFile(file: string, image: MeasuredImage, cuts: readonly FileCut[]): Promise<Size | undefined> {
  return withFileBytes(file, (bytes) => cutWindows(bytes, image, cuts));
}

async function decodeBytesWindows({ bytes, cuts, ...image }: BytesWindows): Promise<Size | undefined> {
  try {
    return await cutWindows(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), image, cuts);
  } catch (cause) {
    throw badBytes(cause);
  }
}

/** Does the same as `decodeWindows` for an image in memory. Throws as `decodeOrThrow`. */
export async function cutWindows(
  bytes: Buffer,
  { width, height, background }: MeasuredImage,
  cuts: readonly FileCut[],
): Promise<Size | undefined> {
  const header = readHeader(bytes);
  const measured = { width, height };
  if (header.size !== undefined && !sameSize(header.size, measured)) return header.size;
  const shrink = header.format === 'jpeg' ? Math.min(...cuts.map((cut) => shrinkOnLoad(measured, cut))) : 1;
  const size = { width: width / shrink, height: height / shrink };
  const taps = cuts.map((cut) => tapsOfCut(cut, size, shrink));
  const canCut = shrink === 1 && (header.format === 'jpeg' || header.format === 'png');
  const area = canCut && header.size !== undefined ? partOf(measured, areaSeen(taps)) : undefined;
  return decodeBudget().within(decodedBytes(area ?? size, header), async () => {
    const shrunk = shrink > 1 ? size : undefined;
    const image = await decodeBytes(bytes, header, { background, ...(area && { area }), ...(shrunk && { shrunk }) });
    if (!sameSize(image, area ?? size)) {
      if (area ?? shrunk) throw new Error(`internal: libvips gave ${image.width} × ${image.height} pixels of a part`);
      return { width: image.width, height: image.height };
    }
    cuts.forEach((cut, i) => {
      resampleFast(image, shifted(taps[i]!, area), cut.target);
    });
    return undefined;
  });
}

const sameSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

/** The upper left corner of what was decoded, in pixels of the whole image; without it the whole image was. */
interface Corner {
  readonly left?: number;
  readonly top?: number;
}

function tapsOfCut({ window, size, filter }: FileCut, image: Size, shrink: number): WindowTaps {
  return tapsOfWindow(scaled(window, 1 / shrink), image, size, filter);
}

/** Returns the smallest part of the image that all outputs depend on. */
function areaSeen(taps: readonly WindowTaps[]): Area {
  const seen = (axis: keyof WindowTaps): [number, number] => {
    const spans = taps.map((each) => pixelsSeen(each[axis])).filter(([from, to]) => to > from);
    return [Math.min(...spans.map(([from]) => from)), Math.max(...spans.map(([, to]) => to))];
  };
  const [left, right] = seen('across');
  const [top, bottom] = seen('down');
  return { left, top, width: right - left, height: bottom - top };
}

/** The weights for an image that begins at `left`, `top`. Output pixels without weights begin anywhere. */
function shifted({ across, down }: WindowTaps, { left = 0, top = 0 }: Corner = {}): WindowTaps {
  const by = ({ first, ...rest }: Taps, start: number): Taps => ({
    ...rest,
    first: start === 0 ? first : first.map((pixel) => Math.max(0, pixel - start)),
  });
  return { across: by(across, left), down: by(down, top) };
}

/** `area` when decoding it alone pays: libvips stops reading below it and converts nothing beside it. */
function partOf({ width, height }: Size, area: Area): Area | undefined {
  return area.width > 0 && area.height > 0 && area.width * area.height < width * height ? area : undefined;
}

/**
 * Returns the power of two by which a JPEG file is decoded smaller: 1, 2, 4 or 8. It must divide both sides:
 * otherwise libvips would resize what is left over, by another method.
 */
export function shrinkOnLoad({ width, height }: Size, { window, size, filter }: Omit<FileCut, 'target'>): number {
  if (filter === 'nearest') return 1;
  const spare = Math.min(window.width, window.height) / size / 2;
  return [8, 4, 2].find((factor) => factor <= spare && width % factor === 0 && height % factor === 0) ?? 1;
}

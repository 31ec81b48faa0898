/**
 * Large images made smaller by a power of two, before windows are cut out of them: a training that sees each image many times
 * decodes it once. The mean of each square of pixels is its pixel; at the right and bottom edge squares may be cut off.
 */
import type { RawPixels, Size } from './raw-pixels.js';
import type { Filter, Window } from './window.js';

/** A window's demands. */
export interface ShrunkCut {
  readonly window: Window;
  readonly size: number;
  readonly filter: Filter;
}

/** The shorter side of a shrunk image has at least so many times the side of the network's input. */
const leastSide = 3.3;
/** A window of a shrunk image is at least so many times larger than the input, so that the filter has pixels to weigh. */
const leastWindow = 2;

/**
 * Returns the power of two by which an image may be made smaller for inputs of `size` pixels; 1 for images that are not large.
 * Its value depends on the image and the input alone, so that all windows of an image come from one smaller image.
 */
export function factorFor({ width, height }: Size, size: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(Math.min(width, height) / size / leastSide)));
}

/** Returns the factor for all of `cuts`; 1 where one of them needs the whole image. */
export function factorOf(image: Size, cuts: readonly ShrunkCut[]): number {
  const factor = Math.min(...cuts.map(({ size }) => factorFor(image, size)));
  const fits = ({ window: { width, height }, size, filter }: ShrunkCut): boolean =>
    filter !== 'nearest' && Math.min(width, height) / factor >= leastWindow * size;
  return cuts.every(fits) ? factor : 1;
}

/** Returns the size of an image made smaller by `factor`. */
export function shrunkSize({ width, height }: Size, factor: number): Size {
  return { width: Math.ceil(width / factor), height: Math.ceil(height / factor) };
}

/** Returns `image` made smaller by the whole number `factor`, each level rounded. */
export function shrunk(image: RawPixels, factor: number): RawPixels {
  if (factor === 1) return image;
  const size = shrunkSize(image, factor);
  const pixels = new Uint8Array(size.width * size.height * 3);
  const sums = new Uint32Array(size.width * 3);
  for (let row = 0; row < size.height; row++) {
    const rows = Math.min(factor, image.height - row * factor);
    sums.fill(0);
    for (let y = row * factor; y < row * factor + rows; y++) addRow(image, y, factor, sums);
    for (let x = 0; x < size.width; x++) {
      const count = rows * Math.min(factor, image.width - x * factor);
      for (let c = 3 * x; c < 3 * x + 3; c++)
        pixels[row * size.width * 3 + c] = Math.floor((sums[c]! + count / 2) / count);
    }
  }
  return { ...size, pixels };
}

/** Adds the pixels of row `y` to the sums of the squares that they are in. */
function addRow({ width, pixels }: RawPixels, y: number, factor: number, sums: Uint32Array): void {
  let at = y * width * 3;
  for (let from = 0, out = 0; from < width; from += factor, out += 3) {
    let [r, g, b] = [0, 0, 0];
    for (const end = at + 3 * Math.min(factor, width - from); at < end; at += 3) {
      r += pixels[at]!;
      g += pixels[at + 1]!;
      b += pixels[at + 2]!;
    }
    sums[out]! += r;
    sums[out + 1]! += g;
    sums[out + 2]! += b;
  }
}

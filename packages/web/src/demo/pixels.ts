/** Turns an image file into the network's input, exactly as the command line does. */
import {
  viewOf as bytesView,
  evaluationPixels,
  evaluationWindow,
  formatOf,
  type InputSpec,
  isTurned,
  networkInput,
  type Orientation,
  orientationOf,
  type RawImage,
  type Rgb,
  white,
  withoutOrientation,
} from 'deit-lt/browser';

export interface Picture extends RawImage {
  readonly bitmap: ImageBitmap;
}

/** Sharp enough for the largest picture on the page, on a screen of two pixels a point. */
const largestView = 640;

/**
 * The image, upright and composed on `background`, as `decodeImage` of the command line gives it. Throws an error that
 * ends a sentence which begins with the image's name.
 */
export async function pixelsOf(image: Blob | ImageBitmap, background: Rgb = white): Promise<Picture> {
  const { bitmap, orientation } =
    image instanceof ImageBitmap ? { bitmap: image, orientation: 1 as const } : await decode(image);
  const { width, height } = uprightSize(bitmap, orientation);
  try {
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false })!;
    context.fillStyle = `rgb(${background.join(' ')})`;
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.setTransform(...turns(bitmap)[orientation]);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, pixels: withoutAlpha(data), bitmap: canvas.transferToImageBitmap() };
  } catch {
    throw new Error(`has ${width} × ${height} pixels, more than this browser can take.`);
  } finally {
    bitmap.close();
  }
}

/**
 * The pixels as they are stored, colour profiles not applied, and their orientation by the command line's own reader: browsers
 * have other opinions of unusual ones. Formats that it refuses, such as SVG, are refused here too.
 */
async function decode(file: Blob): Promise<{ bitmap: ImageBitmap; orientation: Orientation }> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length === 0) throw new Error('is empty.');
  try {
    const format = formatOf(bytes);
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(withoutOrientation(bytes, format))]), {
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
    return { bitmap, orientation: orientationOf(bytesView(bytes), format) };
  } catch {
    throw new Error('is not an image that this browser can read.');
  }
}

function uprightSize({ width, height }: ImageBitmap, orientation: Orientation): { width: number; height: number } {
  return isTurned(orientation) ? { width: height, height: width } : { width, height };
}

/** For each orientation, the transform that shows an image upright: a, b, c, d, e, f of a canvas. */
function turns({
  width: w,
  height: h,
}: ImageBitmap): Record<Orientation, [number, number, number, number, number, number]> {
  return {
    1: [1, 0, 0, 1, 0, 0],
    2: [-1, 0, 0, 1, w, 0],
    3: [-1, 0, 0, -1, w, h],
    4: [1, 0, 0, -1, 0, h],
    5: [0, 1, 1, 0, 0, 0],
    6: [0, 1, -1, 0, h, 0],
    7: [0, -1, -1, 0, h, w],
    8: [0, -1, 1, 0, 0, w],
  };
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}

function withAlpha(rgb: Uint8Array): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) rgba.set(rgb.subarray(from, from + 3), to);
  return rgba;
}

export interface Sight {
  /** `[3, size, size]`, normalised. */
  readonly numbers: Float32Array;
  /** The same as a picture. */
  readonly input: ImageBitmap;
  /** The part of the image that it comes from, with the pixels that the image has. */
  readonly view: ImageBitmap;
}

/** Closes the picture. */
export async function sightOf(picture: Picture, spec: InputSpec): Promise<Sight> {
  const pixels = evaluationPixels(picture, spec);
  const input = await createImageBitmap(new ImageData(withAlpha(pixels), spec.size, spec.size));
  const view = viewOf(picture, spec.size);
  picture.bitmap.close();
  return { numbers: networkInput(pixels, spec), input, view };
}

function viewOf({ bitmap, width, height }: Picture, size: number): ImageBitmap {
  const { x, y, width: across, height: down } = evaluationWindow(width, height, size);
  const side = Math.max(1, Math.min(largestView, Math.round(Math.min(across, down))));
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d')!;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x, y, across, down, 0, 0, side, side);
  return canvas.transferToImageBitmap();
}

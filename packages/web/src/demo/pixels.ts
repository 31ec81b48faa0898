/** From an image file to what the network is shown, exactly as the command line does it. */
import { evaluationPixels, evaluationWindow, type InputSpec, networkInput, type RawImage } from 'deit-lt/browser';

export interface Picture extends RawImage {
  readonly bitmap: ImageBitmap;
}

/** Sharp enough for the largest picture on the page, on a screen of two pixels a point. */
const largestView = 640;

/** Throws an error that ends a sentence which begins with the image's name. */
export async function pixelsOf(image: Blob | ImageBitmap): Promise<Picture> {
  const bitmap = image instanceof ImageBitmap ? image : await decode(image);
  const { width, height } = bitmap;
  try {
    const context = contextOf(width, height);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const rgba = isTransparent(data) ? withHiddenColors(bitmap) : undefined;
    return { width, height, pixels: withoutAlpha(rgba ?? data), bitmap };
  } catch {
    bitmap.close();
    throw new Error(`has ${width} × ${height} pixels, more than this browser can take.`);
  }
}

/** As `decodeImage` on the command line: upright by the camera's orientation, colour profiles not applied. */
async function decode(file: Blob): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(file, {
      imageOrientation: 'from-image',
      colorSpaceConversion: 'none',
      premultiplyAlpha: 'none',
    });
  } catch {
    throw new Error(file.size === 0 ? 'is empty.' : 'is not an image that this browser can read.');
  }
}

function contextOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  return new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
}

function isTransparent(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] !== 255) return true;
  return false;
}

/**
 * The pixels with the colours of transparent ones, which the command line keeps and a canvas makes black: WebGL does not
 * multiply them. Undefined where there is no WebGL, or not for so large an image; there they stay black.
 */
function withHiddenColors(bitmap: ImageBitmap): Uint8Array | undefined {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (gl === null || Math.max(width, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return undefined;
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const rgba = new Uint8Array(width * height * 4);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  const failed = gl.getError() !== gl.NO_ERROR;
  gl.getExtension('WEBGL_lose_context')?.loseContext(); // a browser keeps only a few
  return failed ? undefined : rgba;
}

function withoutAlpha(rgba: Uint8ClampedArray | Uint8Array): Uint8Array {
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

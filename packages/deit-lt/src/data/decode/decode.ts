/**
 * Decodes one image file to RGB: JPEG, PNG, GIF, WebP, TIFF and AVIF by sharp (libvips), BMP, PNM and small PNG files here.
 *
 * As Pillow's `exif_transpose(image).convert('RGB')`, which the PyTorch world trains with: the camera's orientation (Exif) is
 * applied, of an animation the first frame is taken, embedded ICC profiles are not applied, and CMYK becomes RGB by the
 * same arithmetic. Unlike it: transparent images are composed on a background, white by default, where Pillow shows the
 * colours that are hidden below; grey of 16 bits is scaled to 8 where Pillow cuts it off.
 */
import fs from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { UserError } from '../../errors.js';
import { nameNotUtf8, renameHint } from '../file-names.js';
import { composed, type Rgb, white } from './background.js';
import { decodeBitmap } from './bitmap.js';
import { decodeBudget } from './budget.js';
import { inksToColours } from './cmyk.js';
import { withFileView } from './file-view.js';
import { formatOf, headBytes } from './image-format.js';
import { type ImageHeader, type QuickSize, quickSize, readHeader, turned } from './image-header.js';
import { isTurned, type Orientation, withoutOrientation } from './orientation.js';
import { decodePortableMap } from './portable-map.js';
import type { RawPixels, Size } from './raw-pixels.js';
import { decodeSmallPng } from './small-png.js';
import { UnreadableImage } from './unreadable.js';

type SharpModule = typeof import('sharp')['default'];
let loading: Promise<SharpModule> | undefined;

/** sharp, loaded at the first use: data sets that are no image files do not need it. */
export function loadSharp(): Promise<SharpModule> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.concurrency(1); // many images at once are faster than many threads in one
    sharp.cache(false); // every file is read once
    return sharp;
  });
  return loading;
}

export interface DecodeOptions {
  /** Background of transparent images. Default white. */
  readonly background?: Rgb | undefined;
}

/** A part of an image, upright, in its pixels. */
export interface Area extends Size {
  readonly left: number;
  readonly top: number;
}

/** The decoded part of an image: a window, or the whole image at a smaller size; everything if neither is given. */
interface Wanted extends DecodeOptions {
  readonly area?: Area;
  readonly shrunk?: Size;
}

/** Decodes `file`. Throws `UserError` DATA_BAD_FILES. */
export async function decodeImage(file: string, options?: DecodeOptions): Promise<RawPixels> {
  try {
    return await decodeOrThrow(file, options);
  } catch (cause) {
    throw await badFile(file, cause);
  }
}

/** The error of `file`, which could not be decoded because of `cause`; throws that when it is a mistake of ours. */
export async function badFile(file: string, cause: unknown): Promise<UserError> {
  if (cause instanceof Error && cause.message.startsWith('internal:')) throw cause;
  return new UserError('DATA_BAD_FILES', `${file} ${await whyUnreadable(file, cause)}`, { cause });
}

/** The error of an image in memory; throws `cause` when it is a mistake of ours. */
export function badBytes(cause: unknown): UserError {
  if (cause instanceof Error && cause.message.startsWith('internal:')) throw cause;
  return new UserError('DATA_BAD_FILES', `the image ${whyUndecoded(cause)}`, { cause });
}

/** Decodes `file`, its path or its bytes; throws an error that `whyUnreadable` explains. */
export function decodeOrThrow(file: string | Buffer, options: DecodeOptions = {}): Promise<RawPixels> {
  return withDecoded(file, options, (image) => image);
}

/**
 * Decodes like `decodeOrThrow`, for callers that need the pixels only until `use` returns: the memory of large images
 * is free then, before another one is decoded.
 */
export async function withDecoded<T>(
  file: string | Buffer,
  options: DecodeOptions,
  use: (image: RawPixels) => T,
): Promise<T> {
  const bytes = typeof file === 'string' ? await readImageFile(file) : file;
  const header = readHeader(bytes);
  const size = header.size ?? (await decoderSize(bytes, header));
  return decodeBudget().within(decodedBytes(size, header), async () => use(await decodeBytes(bytes, header, options)));
}

/** The bytes of `file`. Throws before it reads all of what is not an image. */
export async function readImageFile(file: string): Promise<Buffer> {
  if (!(await fs.stat(file)).isFile()) throw new UnreadableImage('is not a regular file'); // a pipe would be waited for
  const handle = await fs.open(file);
  try {
    const head = Buffer.alloc(headBytes);
    const { bytesRead } = await handle.read(head, 0, headBytes, 0);
    formatOf(head.subarray(0, bytesRead));
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Bytes that decoding `pixels` pixels takes: the result, and what decoders that do not work row by row keep beside it. */
export function decodedBytes({ width, height }: Size, { streams }: Pick<ImageHeader, 'streams'>): number {
  return width * height * (streams ? 3 : 8);
}

/** Decodes the image in `bytes`, whose header was read; memory is the caller's to reserve. Throws as `decodeOrThrow`. */
export async function decodeBytes(bytes: Buffer, header: ImageHeader, wanted: Wanted = {}): Promise<RawPixels> {
  const { background = white } = wanted;
  if (header.format === 'bmp') return decodeBitmap(bytes, background);
  if (header.format === 'pnm') return decodePortableMap(bytes);
  if (header.format === 'png' && header.orientation === 1 && !wanted.area && !wanted.shrunk) {
    const small = decodeSmallPng(bytes);
    if (small !== undefined) return small;
  }
  const image = await pipeline(bytes, header, wanted);
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  if (header.isCmyk && channels >= 4) return { width, height, pixels: inksToColours(data, channels) };
  if (channels === 4) return { width, height, pixels: composed(data, background) };
  if (channels === 3) return { width, height, pixels: data };
  throw new UnreadableImage(`has ${channels} channels (expected grey, RGB or CMYK, or these with transparency)`);
}

/** Steps of sharp that give upright 8-bit RGB or RGBA, or CMYK as it is stored. */
async function pipeline(bytes: Buffer, header: ImageHeader, { area, shrunk }: Wanted): Promise<Sharp> {
  const { format, orientation, isCmyk } = header;
  const sharp = await loadSharp();
  // libtiff takes an orientation outside of 1 … 8 for damage.
  const given = format === 'tiff' ? Buffer.from(withoutOrientation(bytes, format).buffer) : bytes;
  let image = sharp(given, { failOn: 'error', ignoreIcc: true, autoOrient: false, sequentialRead: true });
  if (area !== undefined) image = image.extract(storedArea(area, header));
  if (shrunk !== undefined) {
    const { width, height } = turned(shrunk, orientation);
    image = image.resize(width, height, { fit: 'fill', kernel: 'cubic', fastShrinkOnLoad: true });
  }
  image = upright(image, orientation);
  if (isCmyk) return image.pipelineColourspace('cmyk').toColourspace('cmyk');
  return image.toColourspace('srgb');
}

/** Converts the upright `area` to the coordinates of the stored pixels. Needs the header's size. */
function storedArea(area: Area, { orientation, size }: ImageHeader): Area {
  if (size === undefined) throw new Error('internal: a part is cut out of an image of unknown size');
  const stored = turned(size, orientation);
  const { width, height } = turned(area, orientation);
  const [x, y] = isTurned(orientation) ? [area.top, area.left] : [area.left, area.top];
  const left = [2, 3, 7, 8].includes(orientation) ? stored.width - x - width : x;
  const top = [3, 4, 6, 7].includes(orientation) ? stored.height - y - height : y;
  return { left, top, width, height };
}

/** Turned and mirrored as Exif defines the eight orientations; sharp mirrors before it turns. */
function upright(image: Sharp, orientation: Orientation): Sharp {
  const angle = { 1: 0, 2: 0, 3: 180, 4: 0, 5: 270, 6: 90, 7: 90, 8: 270 }[orientation];
  const turnedImage = angle === 0 ? image : image.rotate(angle);
  if (orientation === 4) return turnedImage.flip();
  return [2, 5, 7].includes(orientation) ? turnedImage.flop() : turnedImage;
}

/** The size that the decoder finds, upright. */
async function decoderSize(bytes: Buffer, { orientation }: ImageHeader): Promise<Size> {
  const sharp = await loadSharp();
  const { width, height, pageHeight } = await sharp(bytes, { autoOrient: false }).metadata();
  return turned({ width, height: pageHeight ?? height }, orientation);
}

/**
 * Width and height of `file` in pixels, upright, from its header alone; what decoding it gives, or it throws. Throws
 * `UserError` DATA_BAD_FILES.
 */
export async function imageSize(file: string): Promise<Size> {
  try {
    const { width, height } = quickFileSize(file) ?? (await slowFileSize(file));
    return { width, height };
  } catch (cause) {
    throw await badFile(file, cause);
  }
}

/** The size of a JPEG or PNG file, read synchronously; undefined for others and for what cannot be read. */
export function quickFileSize(file: string): QuickSize | undefined {
  try {
    return withFileView(file, quickSize);
  } catch {
    return undefined; // whoever asks tries another way, and gets the reason
  }
}

async function slowFileSize(file: string): Promise<Size> {
  return sizeOfBytes(await readImageFile(file));
}

/** Width and height of the image in `bytes`, as `imageSize`; throws as `decodeOrThrow`. */
export async function sizeOfBytes(bytes: Buffer): Promise<Size> {
  const header = readHeader(bytes);
  return header.size ?? decoderSize(bytes, header);
}

/** Says why `file` could not be decoded, to follow its name: "is empty", "is cut off", … */
export async function whyUnreadable(file: string, error: unknown): Promise<string> {
  try {
    const stats = await fs.stat(file);
    if (stats.isDirectory()) return 'is a folder, not an image';
    if (!stats.isFile()) return 'is not a regular file';
    if (stats.size === 0) return 'is empty';
    await fs.access(file, fs.constants.R_OK);
  } catch (cause) {
    const name = await nameNotUtf8(file);
    return name === undefined ? whyNotThere(cause) : `has a name that is not UTF-8, ${name}: ${renameHint}`;
  }
  return whyUndecoded(error);
}

function whyNotThere(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read (permission denied)';
  return `cannot be read (${code ?? String(error)})`;
}

/** Says why an image's bytes could not be decoded, to follow their name. */
export function whyUndecoded(error: unknown): string {
  if (error instanceof UnreadableImage) return error.message;
  const { code, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: undefined, message: String(error) };
  if (code === 'ERR_FS_FILE_TOO_LARGE') return 'is larger than 2 GiB';
  if (/pixel limit/i.test(message)) return 'has more than 268 million pixels';
  if (/unsupported image format/i.test(message)) return 'is cut off or damaged (its header cannot be read)';
  return `is cut off or damaged (${message.trim().split('\n').at(-1)})`; // the last line of libvips' message is its cause
}

/**
 * Decodes one image file to RGB, by sharp (libvips).
 *
 * As PIL's `convert('RGB')`, which the PyTorch world trains with: transparency is dropped, not blended; of an animation
 * only the first frame is taken; embedded ICC profiles are not applied. Unlike it: the camera's orientation (EXIF) is
 * applied, and 16-bit images are scaled to 8 bits where PIL cuts them off.
 */
import fs from 'node:fs/promises';
import type { Sharp } from 'sharp';
import { UserError } from '../../errors.js';
import { nameNotUtf8, renameHint } from '../file-names.js';

/** `pixels` has `height · width · 3` bytes, row by row, RGB. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

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

/**
 * The image of `file` (its path or its bytes) as a sharp pipeline that yields upright 8-bit RGB; further steps (extract, resize, raw) can be
 * added. Everything that decodes images starts here, so that all see the same pixels.
 */
export async function openImage(file: string | Buffer): Promise<Sharp> {
  const sharp = await loadSharp();
  return sharp(file, { failOn: 'truncated', ignoreIcc: true, autoOrient: true, sequentialRead: true })
    .toColourspace('srgb')
    .removeAlpha();
}

/** Decodes `file` (JPEG, PNG, WebP, GIF, TIFF, AVIF, …). Throws `UserError` DATA_BAD_FILES. */
export async function decodeImage(file: string): Promise<DecodedImage> {
  try {
    return await decodeOrThrow(file);
  } catch (cause) {
    throw new UserError('DATA_BAD_FILES', `${file} ${await whyUnreadable(file, cause)}`, { cause });
  }
}

/** Decodes `file`, its path or its bytes; throws sharp's own error, which `whyUnreadable` explains. */
export async function decodeOrThrow(file: string | Buffer): Promise<DecodedImage> {
  const image = await openImage(file);
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  if (data.length !== info.width * info.height * 3)
    throw new Error(`internal: an image was decoded to ${info.channels} channels instead of 3`);
  return { width: info.width, height: info.height, pixels: data };
}

/** Width and height of `file` in pixels, upright, from its header alone. Throws `UserError` DATA_BAD_FILES. */
export async function imageSize(file: string): Promise<{ width: number; height: number }> {
  try {
    const sharp = await loadSharp();
    const { autoOrient } = await sharp(file).metadata();
    return { width: autoOrient.width, height: autoOrient.height };
  } catch (cause) {
    throw new UserError('DATA_BAD_FILES', `${file} ${await whyUnreadable(file, cause)}`, { cause });
  }
}

/** Why `file` could not be decoded, to follow its name: "is empty", "is cut off", … */
export async function whyUnreadable(file: string, error: unknown): Promise<string> {
  try {
    const stats = await fs.stat(file);
    if (stats.isDirectory()) return 'is a folder, not an image';
    if (stats.size === 0) return 'is empty';
    await fs.access(file, fs.constants.R_OK);
  } catch (cause) {
    const name = await nameNotUtf8(file);
    return name === undefined ? whyNotThere(cause) : `has a name that is not UTF-8, ${name}: ${renameHint}`;
  }
  return explain(error instanceof Error ? error.message : String(error));
}

function whyNotThere(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read (permission denied)';
  return `cannot be read (${code ?? String(error)})`;
}

/** The last line of libvips' message is its cause. */
function explain(message: string): string {
  if (/unsupported image format/i.test(message)) return 'is not an image in a format that can be read';
  if (/pixel limit/i.test(message)) return 'has more pixels than can be read (268 million)';
  return `is cut off or damaged (${message.trim().split('\n').at(-1)})`;
}

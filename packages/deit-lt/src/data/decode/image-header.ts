/** The properties of an image file that are read before its pixels are decoded. */

import { bitmapSize } from './bitmap.js';
import { type ByteView, viewOf } from './byte-view.js';
import { formatOf, headBytes, type ImageFormat } from './image-format.js';
import { jpegFrame } from './jpeg-size.js';
import { isTurned, type Orientation, orientationOf } from './orientation.js';
import { portableMapSize } from './portable-map.js';
import type { Size } from './raw-pixels.js';
import { readDirectory, wholeNumber } from './tiff-directory.js';

export interface ImageHeader {
  readonly format: ImageFormat;
  readonly orientation: Orientation;
  /** Upright; absent where only the decoder of the format finds it out. */
  readonly size?: Size;
  /** Its pixels are CMYK, not RGB. */
  readonly isCmyk: boolean;
  /** Its rows can be decoded one after the other, so that only the result takes memory. */
  readonly streams: boolean;
}

/** The header of an image in memory. Throws `UnreadableImage` for other formats and damaged headers. */
export function readHeader(bytes: Buffer): ImageHeader {
  const format = formatOf(bytes.subarray(0, headBytes));
  const view = viewOf(bytes);
  const orientation = orientationOf(view, format);
  const { stored, isCmyk = false, streams = false } = byFormat(bytes, view, format);
  return {
    format,
    orientation,
    isCmyk,
    streams: streams && orientation === 1,
    ...(stored && { size: turned(stored, orientation) }),
  };
}

interface Known {
  /** Size of the image as its pixels are stored. */
  readonly stored?: Size | undefined;
  readonly isCmyk?: boolean;
  readonly streams?: boolean;
}

function byFormat(bytes: Buffer, view: ByteView, format: ImageFormat): Known {
  if (format === 'bmp') return { stored: bitmapSize(bytes), streams: true };
  if (format === 'pnm') return { stored: portableMapSize(bytes), streams: true };
  if (format === 'tiff') return { isCmyk: hasInks(view) };
  if (format === 'png') return pngKnown(view);
  return format === 'jpeg' ? jpegKnown(view) : {};
}

function jpegKnown(view: ByteView): Known {
  const frame = frameOf(view);
  return { stored: frame, isCmyk: frame?.components === 4, streams: frame?.progressive === false };
}

function frameOf(view: ByteView): ReturnType<typeof jpegFrame> {
  try {
    return jpegFrame(view);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // whoever decodes it gets the reason
    throw error;
  }
}

const photometricTag = 262;
const separated = 5;

/** Returns whether the pixels of a TIFF file are CMYK. */
function hasInks(view: ByteView): boolean {
  const directory = readDirectory(view);
  const entry = directory?.entries.get(photometricTag);
  return entry !== undefined && wholeNumber(view, directory!, entry) === separated;
}

/** IHDR comes first in every PNG file. */
function pngKnown(view: ByteView): Known {
  if (view.length < 29 || view.text(12, 4) !== 'IHDR') return {};
  const [width, height] = [view.long(16), view.long(20)];
  const [colourType, interlaced] = [view.byte(25), view.byte(28)];
  const streams = interlaced === 0 && colourType < 4; // types 4 and 6 have an alpha channel, which is composed afterwards
  return width > 0 && height > 0 ? { stored: { width, height }, streams } : {};
}

/** The marks of JPEG and PNG are shorter. */
const markBytes = 12;

export interface QuickSize extends Size {
  readonly format: 'jpeg' | 'png';
}

/** The size of a JPEG or PNG file, upright, from a view of its beginning; undefined where only the decoder finds it. */
export function quickSize(view: ByteView): QuickSize | undefined {
  const format = formatOf(Uint8Array.from({ length: Math.min(view.length, markBytes) }, (_, i) => view.byte(i)));
  if (format !== 'jpeg' && format !== 'png') return undefined;
  const { stored } = format === 'jpeg' ? jpegKnown(view) : pngKnown(view);
  return stored && { ...turned(stored, orientationOf(view, format)), format };
}

/** Exchanges width and height where the orientation turns the image by 90°. */
export function turned({ width, height }: Size, orientation: Orientation): Size {
  return isTurned(orientation) ? { width: height, height: width } : { width, height };
}

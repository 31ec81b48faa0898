/**
 * Reads the orientation of the camera (Exif 2.3, tag 274) in each format. The same reader serves sizes of headers and
 * the decoder, so that they cannot disagree: libvips gets the orientation from it, and so does a browser. It reads as
 * Pillow's `exif_transpose` does: 1 … 8 count, stored as SHORT or as LONG, in the first Exif block that the file has.
 */
import { type ByteView, viewOf } from './byte-view.js';
import type { ImageFormat } from './image-format.js';
import { exifsOfJpeg } from './jpeg-size.js';
import { readDirectory, wholeNumber } from './tiff-directory.js';

/** 1 unchanged, 2 mirrored, 3 upside down, 4 both, 5 … 8 the same with the sides changed over. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** AVIF turns itself: its own properties say how, and the decoder follows them. */
export function orientationOf(view: ByteView, format: ImageFormat): Orientation {
  try {
    return orientationIn(exifOf(view, format));
  } catch (error) {
    if (error instanceof RangeError) return 1; // the file ends within
    throw error;
  }
}

/** Returns whether width and height change places. */
export const isTurned = (orientation: Orientation): boolean => orientation >= 5;

function exifOf(view: ByteView, format: ImageFormat): ByteView | undefined {
  if (format === 'jpeg') return exifsOfJpeg(view).next().value ?? undefined;
  if (format === 'png') return firstOf(pngChunks(view), 'eXIf'); // before or behind the pixels
  if (format === 'webp') return firstOf(webpChunks(view), 'EXIF');
  return format === 'tiff' ? view : undefined;
}

function firstOf(chunks: Iterable<Chunk>, wanted: string): ByteView | undefined {
  for (const { name, content } of chunks) if (name === wanted) return content;
  return undefined;
}

const orientationTag = 274;
const mark = 'Exif\0\0';

function orientationIn(exif: ByteView | undefined): Orientation {
  if (exif === undefined) return 1;
  if (exif.length >= mark.length && exif.text(0, mark.length) === mark)
    return orientationIn(exif.part(mark.length, exif.length - mark.length));
  const directory = readDirectory(exif);
  const entry = directory?.entries.get(orientationTag);
  const value = entry && wholeNumber(exif, directory!, entry);
  return value !== undefined && value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/**
 * The bytes without an orientation, for decoders that would apply what they think it is: a copy in which it says 1, or
 * in which Exif blocks are none any more; the bytes themselves where nothing is to be changed.
 */
export function withoutOrientation(bytes: Uint8Array, format: ImageFormat): Uint8Array {
  const view = viewOf(bytes);
  const copy = Uint8Array.from(bytes);
  const put = (at: number, values: readonly number[]): void => copy.set(values, at);
  try {
    if (format === 'tiff') putInTiff(view, put);
    if (format === 'jpeg') for (const exif of exifsOfJpeg(view)) put(exif.placeOf(0), [lowerE]);
    if (format === 'png') for (const { at, name } of pngChunks(view)) if (name === 'eXIf') put(at + 4, unknownChunk);
    if (format === 'webp') for (const { at, name } of webpChunks(view)) if (name === 'EXIF') put(at, unknownChunk);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends within
  }
  return copy;
}

const lowerE = 0x65;
/** "exIf": unknown chunks are skipped. */
const unknownChunk = [0x65, 0x78, 0x49, 0x66] as const;
const shortType = 3;

function putInTiff(view: ByteView, put: (at: number, values: readonly number[]) => void): void {
  const directory = readDirectory(view);
  const entry = directory?.entries.get(orientationTag);
  if (entry?.type === shortType) put(entry.at, directory!.littleEndian ? [1, 0] : [0, 1]);
}

interface Chunk {
  readonly name: string;
  /** Offset of the chunk. */
  readonly at: number;
  readonly content: ByteView;
}

function* pngChunks(view: ByteView): Generator<Chunk, void, void> {
  for (let at = 8; at + 12 <= view.length; at += 12 + view.long(at))
    yield { name: view.text(at + 4, 4), at, content: view.part(at + 8, view.long(at)) };
}

function* webpChunks(view: ByteView): Generator<Chunk, void, void> {
  for (let at = 12; at + 8 <= view.length; ) {
    const length = view.long(at + 4, true);
    yield { name: view.text(at, 4), at, content: view.part(at + 8, length) };
    at += 8 + length + (length & 1);
  }
}

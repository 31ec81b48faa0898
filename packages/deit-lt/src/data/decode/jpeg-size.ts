/**
 * Reads the header of a JPEG file (ITU-T T.81, annex B), read without libvips, which would open the file for each of
 * its formats. As libjpeg, it skips what is between two segments.
 */
import type { ByteView } from './byte-view.js';

/** The frame as its pixels are stored: the camera's orientation is not applied. */
export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 colours, 4 CMYK. */
  readonly components: number;
  readonly progressive: boolean;
}

const app1 = 0xe1;
const startOfScan = 0xda;
const endOfImage = 0xd9;

/** The frame of a JPEG file; undefined when none comes before the pixels or its size is not known there. */
export function jpegFrame(view: ByteView): JpegFrame | undefined {
  for (const { kind, at, length } of segments(view)) {
    if (!isFrame(kind) || length < 8) continue;
    const [height, width, components] = [view.short(at + 1), view.short(at + 3), view.byte(at + 5)];
    if (height === 0 || width === 0) return undefined;
    return { width, height, components, progressive: kind === 0xc2 };
  }
  return undefined;
}

const exifMark = 'Exif\0\0';

/** The Exif blocks of a JPEG file, with their mark. */
export function* exifsOfJpeg(view: ByteView): Generator<ByteView, void, void> {
  for (const { kind, at, length } of segments(view))
    if (kind === app1 && length - 2 >= exifMark.length && view.text(at, exifMark.length) === exifMark)
      yield view.part(at, length - 2);
}

interface Segment {
  readonly kind: number;
  /** Offset of its content, after the length. */
  readonly at: number;
  /** Length of the content and the two bytes before it. */
  readonly length: number;
}

/** The segments before the pixels. Ends where the file does. */
function* segments(view: ByteView): Generator<Segment, void, void> {
  for (let at = 2; ; ) {
    while (at < view.length && view.byte(at) !== 0xff) at++;
    while (at < view.length && view.byte(at) === 0xff) at++;
    if (at + 3 > view.length) return;
    const kind = view.byte(at++);
    if (kind === startOfScan || kind === endOfImage) return;
    if (isAlone(kind)) continue;
    const length = view.short(at);
    if (length < 2) return;
    yield { kind, at: at + 2, length };
    at += length;
  }
}

/** Marks without content: stuffed zeros, TEM, restarts, a second start. */
const isAlone = (kind: number): boolean => kind <= 0x01 || (kind >= 0xd0 && kind <= 0xd8);

/** SOF0 … SOF15; among them lie the markers of Huffman tables, extensions and arithmetic coding. */
function isFrame(kind: number): boolean {
  return kind >= 0xc0 && kind <= 0xcf && kind !== 0xc4 && kind !== 0xc8 && kind !== 0xcc;
}

/**
 * Windows bitmaps without compression (BITMAPCOREHEADER to BITMAPV5HEADER; 1, 4, 8, 16, 24 and 32 bits a pixel,
 * palettes and bit fields), as Pillow reads them. libvips as it comes with sharp does not read them.
 */
import { compose, type Rgb } from './background.js';
import type { RawPixels, Size } from './raw-pixels.js';
import { maxPixels } from './raw-pixels.js';
import { UnreadableImage } from './unreadable.js';

interface BitmapHeader extends Size {
  readonly topDown: boolean;
  readonly bits: number;
  /** Bit masks of red, green, blue and alpha, for 16 and 32 bits. */
  readonly masks: readonly number[];
  /** Offset of the palette, bytes of an entry, and number of colours. */
  readonly palette: { readonly at: number; readonly entry: 3 | 4; readonly colours: number };
  /** Offset of the pixels. */
  readonly data: number;
}

const fileHeader = 14;
const coreHeader = 12;
const compressions = ['none', 'RLE8', 'RLE4', 'bit fields', 'JPEG', 'PNG', 'bit fields'];

/** Throws `UnreadableImage`. */
export function bitmapSize(bytes: Buffer): Size {
  const { width, height } = readHeader(bytes);
  return { width, height };
}

/** Throws `UnreadableImage`. */
export function decodeBitmap(bytes: Buffer, background: Rgb): RawPixels {
  const header = readHeader(bytes);
  const { width, height, bits, data, topDown } = header;
  const rowBytes = Math.ceil((width * bits) / 8);
  const stride = Math.ceil(rowBytes / 4) * 4;
  if (data + stride * (height - 1) + rowBytes > bytes.length)
    throw new UnreadableImage('is cut off (its header promises more pixels)');
  const pixels = new Uint8Array(width * height * 3);
  const putRow = bits <= 8 ? paletteRow(bytes, header) : colourRow(bytes, header, background);
  for (let y = 0; y < height; y++) putRow(data + stride * (topDown ? y : height - 1 - y), pixels, y * width * 3);
  return { width, height, pixels };
}

function readHeader(bytes: Buffer): BitmapHeader {
  try {
    return checked(parseHeader(bytes));
  } catch (error) {
    if (error instanceof RangeError) throw new UnreadableImage('is cut off (a bitmap that ends in its header)');
    throw error;
  }
}

function parseHeader(bytes: Buffer): BitmapHeader {
  const size = bytes.readUInt32LE(fileHeader);
  const isCore = size === coreHeader;
  const width = isCore ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const signedHeight = isCore ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
  const bits = bytes.readUInt16LE(isCore ? 24 : 28);
  const compression = isCore || size === 16 ? 0 : bytes.readUInt32LE(30);
  const isFields = compression === 3 || compression === 6;
  if (compression !== 0 && !isFields)
    throw new UnreadableImage(
      `is a bitmap with compression (${compressions[compression] ?? compression}), which is not supported: convert it to PNG`,
    );
  const fields = isFields
    ? fieldsOf(bytes, size, compression)
    : bits === 16
      ? [0x7c00, 0x3e0, 0x1f, 0]
      : [0xff0000, 0xff00, 0xff, 0];
  const used = isCore || size === 16 ? 0 : bytes.readUInt32LE(46);
  const behind = fileHeader + size + (isFields && size === 40 ? (compression === 6 ? 16 : 12) : 0);
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    masks: fields,
    palette: { at: behind, entry: isCore ? 3 : 4, colours: used > 0 ? used : 2 ** Math.min(bits, 8) },
    data: bytes.readUInt32LE(10),
  };
}

function fieldsOf(bytes: Buffer, size: number, compression: number): number[] {
  const hasAlpha = size >= 56 || compression === 6;
  return [0, 1, 2, 3].map((i) => (i < 3 || hasAlpha ? bytes.readUInt32LE(54 + 4 * i) : 0));
}

function checked(header: BitmapHeader): BitmapHeader {
  const { width, height, bits } = header;
  if (width <= 0 || height <= 0) throw new UnreadableImage(`is damaged (a bitmap of ${width} × ${height} pixels)`);
  if (width * height > maxPixels) throw new UnreadableImage('has more than 268 million pixels');
  if (![1, 4, 8, 16, 24, 32].includes(bits))
    throw new UnreadableImage(`is a bitmap with ${bits} bits per pixel, which is not supported: convert it to PNG`);
  return header;
}

type PutRow = (from: number, pixels: Uint8Array, to: number) => void;

/** Colours that are not in the palette are black. */
function paletteRow(bytes: Buffer, { width, bits, palette, data }: BitmapHeader): PutRow {
  const colours = new Uint8Array(256 * 3);
  for (let i = 0; i < Math.min(256, palette.colours); i++) {
    const at = palette.at + i * palette.entry;
    if (at + 3 > Math.min(data, bytes.length)) break;
    colours.set([bytes[at + 2]!, bytes[at + 1]!, bytes[at]!], 3 * i);
  }
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  return (from, pixels, to) => {
    for (let x = 0; x < width; x++) {
      const byte = bytes[from + Math.floor(x / perByte)]!;
      const index = (byte >> (8 - bits * ((x % perByte) + 1))) & mask;
      for (let c = 0; c < 3; c++) pixels[to + 3 * x + c] = colours[3 * index + c]!;
    }
  };
}

function colourRow(bytes: Buffer, { width, bits, masks }: BitmapHeader, background: Rgb): PutRow {
  if (bits === 24)
    return (from, pixels, to) => {
      for (let x = 0; x < 3 * width; x += 3) for (let c = 0; c < 3; c++) pixels[to + x + c] = bytes[from + x + 2 - c]!;
    };
  const fields = masks.map(fieldOf);
  const hasAlpha = masks[3] !== 0;
  return (from, pixels, to) => {
    for (let x = 0; x < width; x++) {
      const pixel = bits === 16 ? bytes.readUInt16LE(from + 2 * x) : bytes.readUInt32LE(from + 4 * x);
      const alpha = hasAlpha ? fields[3]!(pixel) : 255;
      for (let c = 0; c < 3; c++) pixels[to + 3 * x + c] = compose(fields[c]!(pixel), background[c]!, alpha);
    }
  };
}

/** Takes the bits of `mask` out of a pixel and scales them to 0 … 255. */
function fieldOf(mask: number): (pixel: number) => number {
  if (mask === 0) return () => 0;
  const shift = 31 - Math.clz32(mask & -mask);
  const most = mask >>> shift;
  return (pixel) => Math.floor((((pixel & mask) >>> shift) * 255) / most);
}

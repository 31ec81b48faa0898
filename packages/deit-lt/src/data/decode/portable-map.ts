/**
 * Portable bitmaps, grey maps and pixmaps (PBM, PGM, PPM; P1 … P6), as Pillow reads them, but 16 bits of grey become 8.
 * libvips as it comes with sharp does not read them.
 */
import { maxPixels, type RawPixels, type Size } from './raw-pixels.js';
import { UnreadableImage } from './unreadable.js';

interface PortableHeader extends Size {
  /** 1 … 6, as in the file's mark. */
  readonly kind: number;
  /** The level of white. */
  readonly most: number;
  /** Offset of the pixels. */
  readonly data: number;
}

/** Throws `UnreadableImage`. */
export function portableMapSize(bytes: Buffer): Size {
  const { width, height } = readHeader(bytes);
  return { width, height };
}

/** Throws `UnreadableImage`. */
export function decodePortableMap(bytes: Buffer): RawPixels {
  const { width, height, kind, most, data } = readHeader(bytes);
  const channels = kind % 3 === 0 ? 3 : 1;
  const levels = new Uint8Array(width * height * channels);
  if (kind === 4) readBits(bytes, data, levels, width);
  else if (kind > 3) readBinary(bytes, data, levels, most);
  else readText(bytes, data, levels, { most, bits: kind === 1 });
  return { width, height, pixels: channels === 3 ? levels : tripled(levels) };
}

function readHeader(bytes: Buffer): PortableHeader {
  const kind = bytes[1]! - digit0;
  const hasMost = kind !== 1 && kind !== 4;
  const tokens = new Numbers(bytes, 2);
  const [width, height, most] = [tokens.next(), tokens.next(), hasMost ? tokens.next() : 1];
  if (width === 0 || height === 0 || most === 0 || most > 65535)
    throw new UnreadableImage(`is damaged (${width} × ${height} pixels with levels up to ${most})`);
  if (width * height > maxPixels) throw new UnreadableImage('has more than 268 million pixels');
  const data = kind > 3 ? tokens.at + 1 : tokens.at; // one white space ends the header of binary ones
  const header = { width, height, kind, most, data };
  if (data + leastBytes(header) > bytes.length) throw cutOff(); // before memory is taken for the pixels
  return header;
}

/** Smallest number of bytes of the pixels: text has at least one digit per level. */
function leastBytes({ width, height, kind, most }: PortableHeader): number {
  if (kind === 4) return Math.ceil(width / 8) * height;
  const levels = width * height * (kind % 3 === 0 ? 3 : 1);
  return kind > 3 && most > 255 ? 2 * levels : levels;
}

const digit0 = 0x30;
const lineFeed = 0x0a;
const hash = 0x23;
const cutOff = (): UnreadableImage => new UnreadableImage('is cut off (its header promises more pixels)');
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** Whole numbers in decimal digits, apart by white space and comments. */
class Numbers {
  constructor(
    readonly bytes: Buffer,
    /** Behind the last number. */
    public at: number,
  ) {}

  /** Throws `UnreadableImage` where none is. */
  next(): number {
    this.#skip();
    let value = 0;
    const start = this.at;
    for (let digit = this.#digit(); digit >= 0 && this.at - start < 10; digit = this.#digit()) {
      value = 10 * value + digit;
      this.at++;
    }
    if (this.at === start) throw this.#wrong();
    return value;
  }

  /** A single digit, 0 or 1: those of bitmaps need nothing between them. */
  nextBit(): number {
    this.#skip();
    const digit = this.#digit();
    if (digit !== 0 && digit !== 1) throw this.#wrong();
    this.at++;
    return digit;
  }

  #digit(): number {
    const digit = (this.bytes[this.at] ?? 0) - digit0;
    return digit >= 0 && digit <= 9 ? digit : -1;
  }

  #skip(): void {
    const { bytes } = this;
    for (; this.at < bytes.length; this.at++) {
      if (bytes[this.at] === hash) {
        const end = bytes.indexOf(lineFeed, this.at);
        this.at = end < 0 ? bytes.length - 1 : end;
      } else if (!isSpace(bytes[this.at]!)) return;
    }
  }

  #wrong(): UnreadableImage {
    return this.at >= this.bytes.length
      ? cutOff()
      : new UnreadableImage(`is damaged (at byte ${this.at}, where a number is expected)`);
  }
}

/** 1 is black. */
function readBits(bytes: Buffer, data: number, levels: Uint8Array, width: number): void {
  const stride = Math.ceil(width / 8);
  for (let i = 0; i < levels.length; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    levels[i] = (bytes[data + y * stride + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 0 : 255;
  }
}

function readBinary(bytes: Buffer, data: number, levels: Uint8Array, most: number): void {
  if (most === 255) levels.set(bytes.subarray(data, data + levels.length));
  else if (most < 256) for (let i = 0; i < levels.length; i++) levels[i] = scaled(bytes[data + i]!, most);
  else for (let i = 0; i < levels.length; i++) levels[i] = scaled(bytes.readUInt16BE(data + 2 * i), most);
}

function readText(
  bytes: Buffer,
  data: number,
  levels: Uint8Array,
  { most, bits }: { most: number; bits: boolean },
): void {
  const numbers = new Numbers(bytes, data);
  for (let i = 0; i < levels.length; i++)
    levels[i] = bits ? 255 * (1 - numbers.nextBit()) : level(numbers.next(), most);
}

function level(value: number, most: number): number {
  if (value > most) throw new UnreadableImage(`is damaged (a level of ${value}, above its own ${most})`);
  return scaled(value, most);
}

/** Halves go to the even level, as in Pillow. */
function scaled(value: number, most: number): number {
  const level = (value / most) * 255;
  const rounded = Math.round(level);
  return Math.min(255, level % 1 === 0.5 ? rounded - (rounded % 2) : rounded);
}

function tripled(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) pixels.fill(grey[i]!, 3 * i, 3 * i + 3);
  return pixels;
}

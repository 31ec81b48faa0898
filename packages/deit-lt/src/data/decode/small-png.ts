/**
 * Decodes small PNG files of plain RGB, as those of CIFAR: sharp takes half a millisecond per file whatever its size, this a tenth of it.
 * W3C, "Portable Network Graphics (PNG) Specification (Third Edition)", 2025.
 */
import zlib from 'node:zlib';
import type { RawPixels } from './raw-pixels.js';

/** Above, sharp is faster. */
const mostPixels = 64 * 64;
const signatureBytes = 8;
/** Length, type and checksum. */
const frameBytes = 12;
/** Chunks that do not change pixels; a profile (iCCP) is not applied here. */
const withoutEffect: ReadonlySet<string> = new Set([
  'pHYs',
  'tEXt',
  'zTXt',
  'iTXt',
  'tIME',
  'gAMA',
  'cHRM',
  'sRGB',
  'iCCP',
  'eXIf',
]);

/**
 * Returns the pixels of a PNG file in `bytes` with 8 bits per channel, RGB, not interlaced, of at most 4,096 pixels; undefined for
 * every other file and for a damaged one, about which sharp says more.
 */
export function decodeSmallPng(bytes: Buffer): RawPixels | undefined {
  const parts: Buffer[] = [];
  let size: { width: number; height: number } | undefined;
  for (let at = signatureBytes; at + frameBytes <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const end = at + frameBytes + length;
    if (end > bytes.length || zlib.crc32(bytes.subarray(at + 4, end - 4)) !== bytes.readUInt32BE(end - 4))
      return undefined;
    const [type, body] = [bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, end - 4)];
    if (type === 'IEND') return size && pixelsOf(parts, size);
    if (type === 'IHDR') size = size === undefined ? sizeOf(body) : undefined;
    else if (type === 'IDAT') parts.push(body);
    else if (!withoutEffect.has(type)) return undefined;
    if (size === undefined) return undefined;
    at = end;
  }
  return undefined;
}

/** The size in an IHDR chunk; undefined unless the image is small, plain RGB. */
function sizeOf(header: Buffer): { width: number; height: number } | undefined {
  if (header.length !== 13) return undefined;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const isPlain = [8, 2, 0, 0, 0].every((value, i) => header[8 + i] === value);
  return isPlain && width > 0 && height > 0 && width * height <= mostPixels ? { width, height } : undefined;
}

function pixelsOf(
  parts: readonly Buffer[],
  { width, height }: { width: number; height: number },
): RawPixels | undefined {
  const rowBytes = 3 * width;
  const expected = (rowBytes + 1) * height;
  let rows: Buffer;
  try {
    rows = zlib.inflateSync(parts.length === 1 ? parts[0]! : Buffer.concat(parts), { maxOutputLength: expected });
  } catch {
    return undefined;
  }
  if (rows.length !== expected) return undefined;
  const pixels = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const from = y * (rowBytes + 1);
    if (!unfilter(rows.subarray(from + 1, from + 1 + rowBytes), rows[from]!, pixels, y * rowBytes)) return undefined;
  }
  return { width, height, pixels };
}

/** Writes a row to `pixels` from `start` on; the row above is before it. Returns whether there is such a filter. */
function unfilter(row: Buffer, filter: number, pixels: Uint8Array, start: number): boolean {
  if (filter > 4) return false;
  const above = start - row.length;
  for (let i = 0; i < row.length; i++) {
    const left = i < 3 ? 0 : pixels[start + i - 3]!;
    const up = start === 0 ? 0 : pixels[above + i]!;
    const upLeft = i < 3 || start === 0 ? 0 : pixels[above + i - 3]!;
    pixels[start + i] = row[i]! + predicted(filter, left, up, upLeft);
  }
  return true;
}

/** None, Sub, Up, Average and Paeth. */
function predicted(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [byLeft, byUp, byUpLeft] = [Math.abs(up - upLeft), Math.abs(left - upLeft), Math.abs(left + up - 2 * upLeft)];
  if (byLeft <= byUp && byLeft <= byUpLeft) return left;
  return byUp <= byUpLeft ? up : upLeft;
}

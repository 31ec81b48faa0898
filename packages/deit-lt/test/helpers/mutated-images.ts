/** Image files with seeded damage, and what must hold of whatever decoding makes of them. */
import { writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { decodeBudget } from '../../src/data/decode/budget.js';
import { decodeOrThrow, imageSize, quickFileSize, whyUndecoded } from '../../src/data/decode/decode.js';
import { decodeWindows } from '../../src/data/decode/decode-window.js';
import { UserError } from '../../src/errors.js';
import { type RandomStream, stream } from '../../src/random/stream.js';

const [width, height] = [40, 30];

function picture(channels: 3 | 4 = 3): Sharp {
  const random = stream(5, 'draw');
  const pixels = Uint8Array.from({ length: width * height * channels }, () => random.int(256));
  return sharp(pixels, { raw: { width, height, channels } });
}

const levels = (count: number): Buffer => Buffer.from(Array.from({ length: count }, (_, i) => (i * 7919) % 251));

function bitmap(bits: 8 | 24 | 32, compression: 0 | 3 = 0): Buffer {
  const palette =
    bits === 8 ? levels(1024) : compression === 3 ? Buffer.from('ff0000ff00ff00000000ff00', 'hex') : levels(0);
  const head = Buffer.alloc(54);
  const fields = { 10: 54 + palette.length, 14: 40, 18: width, 22: height, 26: 1, 30: compression };
  head.write('BM');
  for (const [at, value] of Object.entries(fields)) head.writeUInt32LE(value, Number(at));
  head.writeUInt16LE(bits, 28);
  return Buffer.concat([head, palette, levels((width * height * bits) / 8)]);
}

const text = (count: number, most: number): string => [...levels(count)].map((level) => level % (most + 1)).join(' ');

/** Whole files, of which mutations are made, for each parser. */
export const parsers = {
  jpeg: () => [picture().jpeg(), picture().jpeg({ progressive: true }), picture().toColourspace('cmyk').jpeg()],
  'jpeg header': () => [6, 3].map((orientation) => picture().withMetadata({ orientation }).jpeg()),
  png: () => [
    picture().png(),
    picture(4).png(),
    picture().png({ palette: true, colours: 16 }),
    picture().withMetadata({ orientation: 8 }).png({ progressive: true }),
  ],
  gif: () => [picture().gif(), picture(4).gif()],
  webp: () => [
    picture().webp(),
    picture(4).webp({ lossless: true }),
    picture().withMetadata({ orientation: 6 }).webp(),
  ],
  tiff: () => [
    ...(['none', 'lzw', 'deflate', 'packbits', 'jpeg'] as const).map((compression) => picture().tiff({ compression })),
    picture(4)
      .withMetadata({ orientation: 5 })
      .tiff({ compression: 'none', tile: true, tileWidth: 16, tileHeight: 16 }),
  ],
  avif: () => [picture().avif({ effort: 0 })],
  bmp: () => [bitmap(24), bitmap(8), bitmap(32), bitmap(32, 3)],
  pnm: () => [
    Buffer.concat([Buffer.from(`P6\n# a comment\n${width} ${height}\n255\n`), levels(width * height * 3)]),
    Buffer.concat([Buffer.from(`P5 ${width} ${height} 1000\n`), levels(width * height * 2)]),
    Buffer.concat([Buffer.from(`P4 ${width} ${height}\n`), levels((width * height) / 8)]),
    Buffer.from(`P3 ${width} ${height} 255\n${text(width * height * 3, 255)}`),
    Buffer.from(`P2 ${width} ${height} 90\n${text(width * height, 90)}`),
    Buffer.from(`P1 ${width} ${height}\n${text(width * height, 1)}`),
  ],
} satisfies Record<string, () => (Sharp | Buffer)[]>;

export type ParserName = keyof typeof parsers;

/** The whole files of a parser. */
export function seedsOf(parser: ParserName): Promise<Buffer[]> {
  return Promise.all(parsers[parser]().map(async (seed) => (Buffer.isBuffer(seed) ? seed : seed.toBuffer())));
}

/** Mutation number `index` of the files `seeds`: always the same. */
export function mutation(seeds: readonly Buffer[], index: number): Buffer {
  const random = stream(11, 'draw', 0, index);
  let bytes: Buffer = Buffer.from(seeds[index % seeds.length]!);
  for (let i = random.int(4); i >= 0; i--) bytes = mutated(bytes, seeds, random);
  return random.int(4) > 0 ? withChecksums(bytes) : bytes;
}

/** A PNG file whose chunks have the checksums of what they hold: else nothing behind these would be reached. */
function withChecksums(bytes: Buffer): Buffer {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') return bytes;
  const copy = Buffer.from(bytes);
  for (let at = 8; at + 12 <= copy.length; ) {
    const end = at + 8 + copy.readUInt32BE(at);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return copy;
}

const extremes = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

function mutated(bytes: Buffer, seeds: readonly Buffer[], random: RandomStream): Buffer {
  const least = Math.max(1, bytes.length);
  const at = random.int(random.int(2) === 0 ? Math.min(200, least) : least);
  const length = 1 + random.int(40);
  const other = seeds[random.int(seeds.length)]!;
  switch (random.int(7)) {
    case 0:
      return bytes.subarray(0, random.int(least));
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.int(other.length))]);
    case 4:
      return Buffer.from(bytes).fill([0, 0xff, 0x30][random.int(3)]!, at, Math.min(at + length, bytes.length));
    case 5:
      return withNumber(bytes, at, extremes[random.int(extremes.length)]!, random.int(2) === 0);
    default:
      if (bytes.length > 0) bytes[at] = random.int(256);
      return bytes;
  }
}

function withNumber(bytes: Buffer, at: number, value: number, littleEndian: boolean): Buffer {
  if (at + 4 > bytes.length) return bytes;
  if (littleEndian) bytes.writeUInt32LE(value, at);
  else bytes.writeUInt32BE(value, at);
  return bytes;
}

export type Verdict = 'read' | 'refused';

/**
 * Decodes the image `bytes`, which is also written to `file`, by every way that there is. Throws an error that says what does
 * not hold: an error that is not a UserError, sizes that disagree, memory that is not given back.
 */
export async function judge(bytes: Buffer, file: string): Promise<Verdict> {
  writeFileSync(file, bytes);
  const decoded = await decodeOrThrow(bytes).catch((error: unknown) => explained(error));
  const measured = await imageSize(file).catch((error: unknown) => ofUser(error));
  const quick = quickFileSize(file);
  if (decodeBudget().takenBytes !== 0) throw new Error('memory was not given back');
  if (typeof decoded === 'string') return 'refused';
  const { width: wide, height: high, pixels } = decoded;
  if (pixels.length !== wide * high * 3) throw new Error(`${pixels.length} bytes of ${wide} × ${high} pixels`);
  for (const size of [measured, quick ?? measured])
    if (size instanceof UserError || size.width !== wide || size.height !== high)
      throw new Error(`decoded to ${wide} × ${high}, by its header ${JSON.stringify(size)}`);
  await cutsAsTheWhole(file, { width: wide, height: high });
  return 'read';
}

async function cutsAsTheWhole(file: string, size: { width: number; height: number }): Promise<void> {
  const window = { x: 0, y: 0, width: Math.ceil(size.width / 2), height: Math.ceil(size.height / 2), flip: false };
  const target = new Uint8Array(4 * 4 * 3);
  const cuts = [{ window, size: 4, filter: 'bilinear' as const, target }];
  const stale = await decodeWindows({ path: file, ...size, background: [255, 255, 255], cuts }).catch(ofUser);
  if (stale !== undefined)
    throw new Error(`a window of it: ${stale instanceof Error ? stale.message : JSON.stringify(stale)}`);
}

/** Why it was refused, in one line. */
function explained(error: unknown): string {
  const message = whyUndecoded(error);
  if (/internal|undefined|\bat .*\.js|\n/.test(message) || error instanceof TypeError)
    throw new Error(`no user's error: ${message}`, { cause: error });
  return message;
}

function ofUser(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw new Error("no user's error", { cause: error });
}

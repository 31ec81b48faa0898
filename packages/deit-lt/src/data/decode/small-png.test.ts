import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import zlib from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { decodeOrThrow } from './decode.js';
import { decodeSmallPng } from './small-png.js';

/** Smooth colours with some noise, so that each filter is chosen for some row. */
function pixelsOf(width: number, height: number, channels = 3): Buffer {
  return Buffer.from(
    Array.from({ length: width * height * channels }, (_, i) => {
      const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
      return (7 * x + 5 * y * (1 + (i % channels)) + ((x * y * 31) % 17)) % 256;
    }),
  );
}

const image = (width: number, height: number, channels: 3 | 4 = 3): Sharp =>
  sharp(pixelsOf(width, height, channels), { raw: { width, height, channels } });

/** A chunk with its checksum. */
function chunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  sum.writeUInt32BE(zlib.crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

/** A PNG file whose rows have these filters in turn; `bodies` are the rows as they are stored. */
function fileOf(width: number, height: number, rows: Buffer, more: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = zlib.deflateSync(rows);
  const half = data.length >> 1;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', data.subarray(0, half)),
    chunk('IDAT', data.subarray(half)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** libpng's pixels. */
const bySharp = async (file: Buffer): Promise<Buffer> => sharp(file).raw().toBuffer();

suite('decodeSmallPng()', () => {
  for (const [width, height] of [
    [32, 32],
    [1, 1],
    [5, 40],
    [64, 64],
  ] as const)
    test(`has libpng's pixels of ${width} × ${height}, by all filters`, async () => {
      const stored = pixelsOf(3 * width + 1, height, 1);
      for (let y = 0; y < height; y++) stored[y * (3 * width + 1)] = (y + 4) % 5;
      const files = [
        fileOf(width, height, stored),
        await image(width, height).png({ adaptiveFiltering: true }).toBuffer(),
        await image(width, height).withMetadata({ density: 90 }).png().toBuffer(),
      ];
      for (const file of files) {
        const decoded = decodeSmallPng(file);
        assert.ok(decoded);
        assert.deepEqual([decoded.width, decoded.height], [width, height]);
        assert.equal(Buffer.compare(Buffer.from(decoded.pixels), await bySharp(file)), 0);
      }
    });

  test('leaves other files to sharp', async () => {
    const key = chunk('tRNS', Buffer.alloc(6));
    for (const file of [
      await image(65, 64).png().toBuffer(),
      await image(8, 8, 4).png().toBuffer(),
      await image(8, 8).png({ palette: true }).toBuffer(),
      await image(8, 8).png({ progressive: true }).toBuffer(),
      await image(8, 8).toColourspace('rgb16').png().toBuffer(),
      await image(8, 8).toColourspace('b-w').png().toBuffer(),
      fileOf(8, 8, Buffer.alloc(25 * 8), [key]),
    ])
      assert.equal(decodeSmallPng(file), undefined);
  });

  test('leaves damaged files to sharp, which says what is wrong', async () => {
    const whole = await image(16, 16).png().toBuffer();
    const flipped = Buffer.from(whole);
    flipped[60]! ^= 1;
    for (const file of [
      whole.subarray(0, -20),
      whole.subarray(0, 33),
      flipped,
      fileOf(8, 8, Buffer.alloc(25 * 7)),
      fileOf(8, 8, Buffer.alloc(25 * 9)),
      fileOf(8, 8, Buffer.alloc(25 * 8, 7)),
      Buffer.concat([whole.subarray(0, 8), chunk('IHDR', Buffer.alloc(5)), whole.subarray(33)]),
      Buffer.concat([whole.subarray(0, 33), whole.subarray(8)]),
    ])
      assert.equal(decodeSmallPng(file), undefined);
    await assert.rejects(decodeOrThrow(flipped));
    await assert.rejects(decodeOrThrow(whole.subarray(0, -40)));
  });

  test('turned images are turned', async () => {
    const file = await image(6, 4).withMetadata({ orientation: 6 }).png().toBuffer();
    const { width, height } = await decodeOrThrow(file);
    assert.deepEqual([width, height], [4, 6]);
  });
});

import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { UserError } from '../../errors.js';
import { stream } from '../../random/stream.js';
import { resampleImage } from '../resample/resample-image.js';
import { composed, white } from './background.js';
import { decodeImage } from './decode.js';
import { decodeWindows } from './decode-window.js';
import type { FileCut } from './file-cut.js';

const [width, height] = [61, 43];
const window = { x: 20, y: 10, width: 17, height: 23, flip: true };
type Cut = Omit<FileCut, 'target'>;
const cut: Cut = { window, size: 12, filter: 'bicubic' };
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deit-lt-windows-'));

after(() => fs.rm(folder, { recursive: true }));

/** Noise as a file; `orientation` as cameras write it. */
async function fileOf(name: string, { orientation = 1, progressive = false } = {}): Promise<string> {
  const random = stream(0, 'draw');
  const pixels = new Uint8Array(width * height * 3).map(() => random.int(256));
  const image = sharp(pixels, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
  const file = path.join(folder, name);
  await (name.endsWith('.png') ? image.png() : image.jpeg({ progressive })).toFile(file);
  return file;
}

const sizeOf = ({ width, height }: { width: number; height: number }) => ({ width, height });

/** Returns the pixels that `decodeWindows` writes into fresh targets. */
async function windowsOf(wanted: { path: string; width: number; height: number; cuts: readonly Cut[] }) {
  const cuts = wanted.cuts.map((one) => ({ ...one, target: new Uint8Array(one.size ** 2 * 3) }));
  assert.equal(await decodeWindows({ ...wanted, cuts, background: white }), undefined);
  return cuts.map(({ target }) => target);
}

suite('decodeWindows()', () => {
  for (const [name, options] of [
    ['plain.jpg', {}],
    ['plain.png', {}],
    ['progressive.jpg', { progressive: true }],
    ['mirrored.jpg', { orientation: 2 }],
    ['upside-down.jpg', { orientation: 3 }],
    ['turned.jpg', { orientation: 6 }],
    ['turned.png', { orientation: 8 }],
  ] as const)
    test(`decodes only a part of ${name} and gives what the whole image gives`, async () => {
      const file = await fileOf(name, options);
      const image = await decodeImage(file);
      const wide = { ...cut, window: { ...window, seesAround: true }, size: 9 };
      const cuts = [cut, wide];
      const expected = cuts.map(({ window, size, filter }) => resampleImage(image, window, size, filter));
      const { width, height } = image;
      assert.deepEqual(await windowsOf({ path: file, width, height, cuts: [cut] }), [expected[0]]);
      assert.deepEqual(await windowsOf({ path: file, width, height, cuts }), expected);
    });

  for (const orientation of [1, 2, 3, 4, 5, 6, 7, 8])
    test(`a part of orientation ${orientation}, and the whole decoded smaller`, async () => {
      const file = await fileOf(`orientation-${orientation}.jpg`, { orientation });
      const { width, height, ...image } = await decodeImage(file);
      const [part] = await windowsOf({ path: file, width, height, cuts: [cut] });
      assert.deepEqual(part, resampleImage({ width, height, ...image }, window, 12, 'bicubic'));

      const large = path.join(folder, `large-${orientation}.jpg`);
      const smooth = Uint8Array.from(
        { length: 96 * 64 * 3 },
        (_, i) => ((i % 288) * 13 + Math.floor(i / 288) * 29) / 20,
      );
      const source = sharp(smooth, { raw: { width: 96, height: 64, channels: 3 } }).resize(384, 256);
      await source.withMetadata({ orientation }).jpeg({ quality: 95 }).toFile(large);
      const whole = await decodeImage(large);
      const all = { x: 0, y: 0, width: whole.width, height: whole.height, flip: false };
      const [small] = await windowsOf({
        path: large,
        ...sizeOf(whole),
        cuts: [{ window: all, size: 16, filter: 'bicubic' }],
      });
      const expected = resampleImage(whole, all, 16, 'bicubic');
      const most = expected.reduce((max, level, i) => Math.max(max, Math.abs(level - small![i]!)), 0);
      assert.ok(most <= 8, `${most} levels`);
    });

  for (const name of ['stale.jpg', 'stale.png', 'stale.webp', 'stale.ppm'])
    test(`reports the size of ${name} when it is not the given one, and cuts nothing`, async () => {
      const file = path.join(folder, name);
      if (name.endsWith('ppm'))
        await fs.writeFile(file, Buffer.concat([Buffer.from('P6 40 30 255\n'), Buffer.alloc(3600, 9)]));
      else await sharp({ create: { width: 40, height: 30, channels: 3, background: 'red' } }).toFile(file);
      for (const [width, height] of [
        [30, 40],
        [400, 300],
        [40, 31],
      ] as const)
        for (const size of [12, 2]) {
          const target = new Uint8Array(size * size * 3).fill(77);
          const all = { x: 0, y: 0, width, height, flip: false };
          for (const part of [all, { ...all, width: 9, height: 9 }]) {
            const cuts = [{ ...cut, window: part, size, target }];
            const found = await decodeWindows({ path: file, width, height, background: white, cuts });
            assert.deepEqual(found, { width: 40, height: 30 });
            assert.ok(target.every((level) => level === 77));
          }
        }
    });

  test('composes transparent images on the background, in parts too', async () => {
    const file = path.join(folder, 'clear.png');
    const random = stream(1, 'draw');
    const rgba = Uint8Array.from({ length: width * height * 4 }, () => random.int(256));
    await sharp(rgba, { raw: { width, height, channels: 4 } }).toFile(file);
    const background = [10, 200, 30] as const;
    const whole = await decodeImage(file, { background });
    assert.deepEqual(whole.pixels.subarray(0, 3), composed(rgba.subarray(0, 4), background));
    const target = new Uint8Array(12 * 12 * 3);
    await decodeWindows({ path: file, width, height, background, cuts: [{ ...cut, target }] });
    assert.deepEqual(target, resampleImage(whole, window, 12, 'bicubic'));
  });

  test('reads files of different sizes one after the other and at the same time', async () => {
    const files = await Promise.all(['small.png', 'large.jpg', 'other.png'].map((name) => fileOf(name)));
    const wanted = files.map((file) => ({ path: file, width, height, cuts: [cut] }));
    const together = await Promise.all(wanted.map((one) => windowsOf(one)));
    for (const [i, one] of wanted.entries()) assert.deepEqual(await windowsOf(one), together[i]);
  });

  test('gives black for a window outside of the image', async () => {
    const file = await fileOf('outside.png');
    const outside = { ...cut, window: { ...window, x: 200 } };
    const [pixels] = await windowsOf({ path: file, width, height, cuts: [outside] });
    assert.deepEqual(pixels, new Uint8Array(12 * 12 * 3));
  });

  test('names what is wrong with a file', async () => {
    const file = path.join(folder, 'text.jpg');
    await fs.writeFile(file, 'no image');
    const isBad = (error: Error) => error instanceof UserError && /text\.jpg is not an image/.test(error.message);
    await assert.rejects(windowsOf({ path: file, width, height, cuts: [cut] }), isBad);
    const missing = path.join(folder, 'missing.jpg');
    await assert.rejects(windowsOf({ path: missing, width, height, cuts: [cut] }), /missing\.jpg does not exist/);
  });
});

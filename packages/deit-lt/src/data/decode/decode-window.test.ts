import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { UserError } from '../../errors.js';
import { stream } from '../../random/stream.js';
import { resampleImage } from '../resample/resample-image.js';
import { white } from './background.js';
import { decodeImage } from './decode.js';
import { decodeWindows, type FileCut } from './decode-window.js';

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

/** What `decodeWindows` puts into fresh targets. */
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

  test('tells what is wrong with a file', async () => {
    const file = path.join(folder, 'text.jpg');
    await fs.writeFile(file, 'no image');
    const isBad = (error: Error) => error instanceof UserError && /text\.jpg is not an image/.test(error.message);
    await assert.rejects(windowsOf({ path: file, width, height, cuts: [cut] }), isBad);
    const missing = path.join(folder, 'missing.jpg');
    await assert.rejects(windowsOf({ path: missing, width, height, cuts: [cut] }), /missing\.jpg does not exist/);
  });
});

/** What is decoded of files of every kind that is read, against Pillow. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { white } from '../src/data/decode/background.js';
import { decodeImage, imageSize } from '../src/data/decode/decode.js';
import { decodeWindows } from '../src/data/decode/decode-window.js';
import { resampleImage } from '../src/data/resample/resample-image.js';
import { pillow, skipPillow } from './helpers/pillow.js';

type Read = readonly [name: string, width: number, height: number, rgb: string];

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-decode-pillow-'));
after(() => rmSync(folder, { recursive: true }));
const code = readFileSync(path.resolve(import.meta.dirname, '../../test/helpers/pillow-images.py'), 'utf8');

suite('decoded pixels are those of Pillow', { skip: skipPillow }, () => {
  const images = skipPillow ? [] : pillow<Read[]>(code, { folder });

  for (const [name, width, height, rgb] of images)
    test(name, async () => {
      const file = path.join(folder, name);
      const image = await decodeImage(file);
      assert.deepEqual([image.width, image.height], [width, height]);
      assert.deepEqual(await imageSize(file), { width, height }, 'the size of the header');
      const expected = Buffer.from(rgb, 'hex');
      const differs = expected.findIndex((level, i) => level !== image.pixels[i]);
      assert.equal(differs, -1, `at ${differs}: ${image.pixels[differs]}, Pillow ${expected[differs]}`);

      const window = { x: 3, y: 2, width: 11, height: 9, flip: true };
      const target = new Uint8Array(7 * 7 * 3);
      const cut = { window, size: 7, filter: 'bicubic' as const, target };
      const stale = await decodeWindows({ path: file, width, height, background: white, cuts: [cut] });
      assert.equal(stale, undefined);
      assert.deepEqual(target, resampleImage({ width, height, pixels: expected }, window, 7, 'bicubic'), 'a window');
    });
});

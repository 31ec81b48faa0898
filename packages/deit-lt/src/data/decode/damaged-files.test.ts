/** Files that are cut off, or of other formats under an image's name, are refused by name and before a training. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import sharp from 'sharp';
import { temporaryFolder } from '../../../test/helpers/temporary-folder.js';
import { stream } from '../../random/stream.js';
import { packPaths } from '../file-paths.js';
import { examineFiles, found } from '../index/examine.js';
import { decodeImage, imageSize } from './decode.js';
import { decodeFiles } from './decode-files.js';

const [width, height] = [64, 48];
const random = stream(0, 'draw');
const pixels = Buffer.from(Array.from({ length: width * height * 3 }, () => random.int(256)));
const picture = () => sharp(pixels, { raw: { width, height, channels: 3 } });

function bitmap(): Buffer {
  const head = Buffer.alloc(54);
  head.write('BM');
  for (const [at, value] of Object.entries({ 10: 54, 14: 40, 18: width, 22: height, 26: 1 }))
    head.writeUInt32LE(value, Number(at));
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, pixels]);
}

const whole: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  'plain.jpg': () => picture().jpeg().toBuffer(),
  'progressive.jpg': () => picture().jpeg({ progressive: true }).toBuffer(),
  'plain.png': () => picture().png().toBuffer(),
  'interlaced.png': () => picture().png({ progressive: true }).toBuffer(),
  'image.gif': () => picture().gif().toBuffer(),
  'lossy.webp': () => picture().webp().toBuffer(),
  'lossless.webp': () => picture().webp({ lossless: true }).toBuffer(),
  'none.tif': () => picture().tiff({ compression: 'none' }).toBuffer(),
  'lzw.tif': () => picture().tiff({ compression: 'lzw' }).toBuffer(),
  'deflate.tif': () => picture().tiff({ compression: 'deflate' }).toBuffer(),
  'jpeg.tif': () => picture().tiff({ compression: 'jpeg' }).toBuffer(),
  'tiles.tif': () => picture().tiff({ compression: 'none', tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
  'image.avif': () => picture().avif().toBuffer(),
  'image.bmp': bitmap,
  'image.ppm': () => Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), pixels]),
  'text.pgm': () => Buffer.from(`P2 ${width} ${height} 255\n${[...pixels.subarray(0, width * height)].join(' ')}`),
  'image.pbm': () => Buffer.concat([Buffer.from(`P4 ${width} ${height}\n`), pixels.subarray(0, (width * height) / 8)]),
};

suite('a file that is cut off is refused', () => {
  for (const [name, make] of Object.entries(whole))
    test(name, async (t) => {
      const folder = temporaryFolder(t);
      const content = await make();
      const file = path.join(folder, name);
      fs.writeFileSync(file, content);
      assert.equal((await decodeImage(file)).width, width);
      for (const share of [0.02, 0.3, 0.5, 0.9]) {
        const cut = path.join(folder, `${share}-${name}`);
        fs.writeFileSync(cut, content.subarray(0, Math.max(20, content.length * share)));
        const refused = { code: 'DATA_BAD_FILES', message: new RegExp(`${share}-${name} (is|has) `) };
        await assert.rejects(decodeImage(cut), refused, `${share} of ${name}`);
      }
    });

  test('in a check before a training, by headers too', async (t) => {
    const folder = temporaryFolder(t);
    const files: string[] = [];
    for (const [name, make] of Object.entries(whole)) {
      files.push(path.join(folder, name));
      const content = await make();
      fs.writeFileSync(files.at(-1)!, content.subarray(0, content.length / 2));
    }
    const { bad } = await decodeFiles(packPaths(files), { maxBytes: 0 });
    assert.deepEqual(
      [...bad.values()].map((each) => each.path),
      files,
    );
    const none = new Float64Array(files.length).fill(-1);
    const { states } = await examineFiles({
      files,
      prints: none,
      settledBefore: Number.POSITIVE_INFINITY,
      decode: false,
    });
    assert.deepEqual(
      [...states],
      files.map(() => found.suspect),
    );
  });
});

suite('other files under the name of an image', () => {
  const contents = {
    'drawing.png': '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
    'document.jpg': '%PDF-1.4\n1 0 obj\n',
    'page.jpeg': '<!DOCTYPE html><html><body>404</body></html>',
  };

  for (const [name, content] of Object.entries(contents))
    test(`${name} is not drawn`, async (t) => {
      const file = path.join(temporaryFolder(t), name);
      fs.writeFileSync(file, content);
      const refused = { code: 'DATA_BAD_FILES', message: /has a format that cannot be read \(it is a/ };
      await assert.rejects(decodeImage(file), refused);
      await assert.rejects(imageSize(file), refused);
    });

  test('bitmaps with compression give an error that explains what to do', async (t) => {
    const file = path.join(temporaryFolder(t), 'packed.bmp');
    const content = bitmap();
    content.writeUInt32LE(1, 30);
    fs.writeFileSync(file, content);
    await assert.rejects(decodeImage(file), {
      message: /packed\.bmp is a bitmap with compression \(RLE8\).*convert it to PNG/,
    });
  });

  test('headers that promise more than memory are refused at once', async (t) => {
    const folder = temporaryFolder(t);
    const large = bitmap();
    large.writeInt32LE(2 ** 30, 18);
    const contents = {
      'large.bmp': large,
      'large.ppm': 'P6 99999 99999 255\n',
      'wide.pgm': 'P2 16000 16000 255\n1 2 3',
    };
    for (const [name, content] of Object.entries(contents)) {
      const file = path.join(folder, name);
      fs.writeFileSync(file, content);
      await assert.rejects(decodeImage(file), {
        code: 'DATA_BAD_FILES',
        message: /more than 268 million pixels|cut off/,
      });
    }
  });

  test('a pipe is not waited for', async (t) => {
    const file = path.join(temporaryFolder(t), 'pipe.jpg');
    const { spawnSync } = await import('node:child_process');
    if (spawnSync('mkfifo', [file]).status !== 0) return t.skip('no mkfifo');
    await assert.rejects(decodeImage(file), { message: /pipe\.jpg is not a regular file/ });
    await assert.rejects(imageSize(file), { code: 'DATA_BAD_FILES' });
  });
});

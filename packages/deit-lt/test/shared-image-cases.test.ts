/** The image files of `../shared/cases`, which once were read wrongly. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { decodeImage, imageSize } from '../src/data/decode/decode.js';
import { sharedFile } from './helpers/golden-files.js';
import { pillow, skipPillow } from './helpers/pillow.js';

const readme = sharedFile('cases/README.md');
const at = (name: string): string => path.join(path.dirname(readme!), 'images', name);

suite('shared image cases', { skip: readme === undefined && 'no ../shared/cases beside this repository' }, () => {
  for (const name of ['exif9.jpg', 'two_exif_1_6.jpg'])
    test(`${name} has the pixels of exif1.jpg`, async () => {
      const expected = await decodeImage(at('exif1.jpg'));
      assert.deepEqual(await decodeImage(at(name)), expected);
      assert.deepEqual(await imageSize(at(name)), await imageSize(at('exif1.jpg')));
    });

  test('the same is seen where other colours are hidden', async () => {
    assert.deepEqual(await decodeImage(at('alpha-black.png')), await decodeImage(at('alpha-white.png')));
  });

  test('tif_trunc.tif is refused by name', async () => {
    const refused = { code: 'DATA_BAD_FILES', message: /tif_trunc\.tif is cut off or damaged/ };
    await assert.rejects(decodeImage(at('tif_trunc.tif')), refused);
  });

  for (const name of ['cmyk.jpg', 'trans.gif', 'rgb.bmp', 'exif1.jpg'])
    test(`${name} is what Pillow reads, on white`, { skip: skipPillow }, async () => {
      const code = [
        "image = Image.open(given['file'])",
        "ground = Image.new('RGBA', image.size, (255, 255, 255, 255))",
        "ground.alpha_composite(image.convert('RGBA'))",
        "out = ground.convert('RGB').tobytes().hex()",
      ].join('\n');
      const expected = Buffer.from(pillow<string>(code, { file: at(name) }), 'hex');
      assert.deepEqual(Buffer.from((await decodeImage(at(name))).pixels), expected);
    });
});

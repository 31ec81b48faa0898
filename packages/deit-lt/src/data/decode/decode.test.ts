import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import sharp from 'sharp';
import { type Rgb, solid, truncatedJpeg, writeImage } from '../../../test/helpers/images.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { decodeImage, imageSize } from './decode.js';

const colour: Rgb = [200, 100, 50];

async function firstPixel(file: string): Promise<number[]> {
  return [...(await decodeImage(file)).pixels.subarray(0, 3)];
}

function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.ok(
    actual.every((value, i) => Math.abs(value - expected[i]!) <= tolerance),
    `[${actual}] is not within ${tolerance} of [${expected}]`,
  );
}

suite('decodeImage()', () => {
  for (const [extension, tolerance] of Object.entries({ png: 0, tif: 3, gif: 8, jpg: 3, webp: 6, avif: 6 }))
    test(`reads ${extension}`, async (t) => {
      const file = path.join(temporaryFolder(t), `image.${extension}`);
      await writeImage(file, colour, 8, 6);
      const { width, height, pixels } = await decodeImage(file);
      assert.deepEqual([width, height, pixels.length], [8, 6, 8 * 6 * 3]);
      assertNear([...pixels.subarray(0, 3)], colour, tolerance);
    });

  test('rows come one after the other, pixels as red, green, blue', async (t) => {
    const file = path.join(temporaryFolder(t), 'image.png');
    const pixels = Buffer.from(Array.from({ length: 3 * 2 * 3 }, (_, i) => 10 * i));
    await sharp(pixels, { raw: { width: 3, height: 2, channels: 3 } }).toFile(file);
    assert.deepEqual([...(await decodeImage(file)).pixels], [...pixels]);
  });

  test('scales 16 bits to 8', async (t) => {
    const file = path.join(temporaryFolder(t), 'deep.png');
    const values = Uint16Array.from({ length: 4 * 4 * 3 }, (_, i) => 257 * colour[i % 3]!);
    const image = sharp(values, { raw: { width: 4, height: 4, channels: 3 } });
    await image.toColourspace('rgb16').png().toFile(file);
    assert.equal((await sharp(file).metadata()).depth, 'ushort');
    assert.deepEqual(await firstPixel(file), [...colour]);
  });

  test('grey becomes three equal channels, at 8 and 16 bits', async (t) => {
    const folder = temporaryFolder(t);
    const grey = sharp(Buffer.alloc(16, 90), { raw: { width: 4, height: 4, channels: 1 } });
    await grey.toColourspace('b-w').png().toFile(path.join(folder, '8.png'));
    const deep = sharp(new Uint16Array(16).fill(257 * 90), { raw: { width: 4, height: 4, channels: 1 } });
    await deep.toColourspace('grey16').png().toFile(path.join(folder, '16.png'));
    assert.equal((await sharp(path.join(folder, '8.png')).metadata()).channels, 1);
    assert.equal((await sharp(path.join(folder, '16.png')).metadata()).depth, 'ushort');
    assert.deepEqual(await firstPixel(path.join(folder, '8.png')), [90, 90, 90]);
    assert.deepEqual(await firstPixel(path.join(folder, '16.png')), [90, 90, 90]);
  });

  test('reads an image with a palette', async (t) => {
    const file = path.join(temporaryFolder(t), 'palette.png');
    await solid(colour).png({ palette: true, colours: 4 }).toFile(file);
    assertNear(await firstPixel(file), colour, 1);
  });

  test("rotates the image by the camera's orientation", async (t) => {
    const file = path.join(temporaryFolder(t), 'turned.png');
    const pixels = Buffer.from([255, 0, 0, 0, 0, 255]); // red left of blue
    const image = sharp(pixels, { raw: { width: 2, height: 1, channels: 3 } });
    await image.withMetadata({ orientation: 6 }).toFile(file); // show it turned clockwise: red above blue
    assert.deepEqual(await imageSize(file), { width: 1, height: 2 });
    const decoded = await decodeImage(file);
    assert.deepEqual([decoded.width, decoded.height, ...decoded.pixels], [1, 2, 255, 0, 0, 0, 0, 255]);
  });

  test('takes the first frame of an animation', async (t) => {
    const file = path.join(temporaryFolder(t), 'film.gif');
    const frames = await Promise.all([colour, [0, 0, 255] as Rgb].map((c) => solid(c).png().toBuffer()));
    await sharp(frames, { join: { animated: true } })
      .gif()
      .toFile(file);
    assert.equal((await sharp(file).metadata()).pages, 2);
    const { width, height } = await decodeImage(file);
    assert.deepEqual([width, height], [8, 6]);
    assertNear(await firstPixel(file), colour, 8);
  });

  test('reads formats that differ from the extension, links, and names beyond ASCII', async (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'Größe 猫 🐈.jpg');
    fs.writeFileSync(file, await solid(colour).png().toBuffer());
    fs.symlinkSync(file, path.join(folder, 'link.jpg'));
    assert.deepEqual(await firstPixel(file), [...colour]);
    assert.deepEqual(await firstPixel(path.join(folder, 'link.jpg')), [...colour]);
  });

  test('explains why a file cannot be read', async (t) => {
    const folder = temporaryFolder(t);
    write(path.join(folder, 'empty.jpg'), '');
    write(path.join(folder, 'half.jpg'), await truncatedJpeg());
    const png = await sharp(await truncatedJpeg(), { failOn: 'none' })
      .png()
      .toBuffer();
    write(path.join(folder, 'half.png'), png.subarray(0, png.length / 2));
    write(path.join(folder, 'text.jpg'), 'This is no image.\n');
    fs.mkdirSync(path.join(folder, 'folder.jpg'));
    const reasons = {
      'empty.jpg': /empty\.jpg is empty/,
      'half.jpg': /half\.jpg is cut off or damaged/,
      'half.png': /half\.png is cut off or damaged/,
      'text.jpg': /text\.jpg is not an image in a format that can be read/,
      'folder.jpg': /folder\.jpg is a folder/,
      'absent.jpg': /absent\.jpg does not exist/,
    };
    for (const [name, message] of Object.entries(reasons))
      await assert.rejects(decodeImage(path.join(folder, name)), { code: 'DATA_BAD_FILES', message });
    await assert.rejects(imageSize(path.join(folder, 'text.jpg')), { code: 'DATA_BAD_FILES' });
  });
});

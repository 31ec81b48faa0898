import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import sharp from 'sharp';
import { decodeImage, imageSize, quickFileSize } from './decode.js';

/** Without the format. */
function jpegSize(file: string): { width: number; height: number } | undefined {
  const found = quickFileSize(file);
  return found?.format === 'jpeg' ? { width: found.width, height: found.height } : undefined;
}

const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deit-lt-sizes-'));

after(() => fs.rm(folder, { recursive: true }));

const image = () => sharp({ create: { width: 31, height: 22, channels: 3, background: 'teal' } });

suite('quickFileSize() of JPEG files', () => {
  test('agrees with the decoder about every orientation', async () => {
    for (let orientation = 1; orientation <= 8; orientation++) {
      const file = path.join(folder, `${orientation}.jpg`);
      await image().withMetadata({ orientation }).jpeg().toFile(file);
      assert.deepEqual(jpegSize(file), await imageSize(file), `orientation ${orientation}`);
      assert.equal(jpegSize(file)!.width, orientation < 5 ? 31 : 22);
    }
  });

  test('finds the size behind segments that are larger than what is read at once', async () => {
    const plain = await image().jpeg({ progressive: true }).toBuffer();
    const comment = Buffer.alloc(2 + 60000);
    comment.writeUInt16BE(0xfffe);
    comment.writeUInt16BE(60000, 2);
    const file = path.join(folder, 'long.jpg');
    await fs.writeFile(file, Buffer.concat([plain.subarray(0, 2), comment, comment, plain.subarray(2)]));
    assert.deepEqual(jpegSize(file), { width: 31, height: 22 });
  });

  test('skips what libjpeg skips between two segments', async () => {
    const plain = await image().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const second = 4 + plain.readUInt16BE(4); // behind SOI and the first segment
    const between = { fill: 'ffffff', text: '68656c6c6f', restart: 'ffd0', alone: 'ff01' };
    for (const [name, bytes] of Object.entries(between)) {
      const file = path.join(folder, `${name}.jpg`);
      const parts = [plain.subarray(0, second), Buffer.from(bytes, 'hex'), plain.subarray(second)];
      await fs.writeFile(file, Buffer.concat(parts));
      const { width, height } = await decodeImage(file);
      assert.deepEqual(
        [jpegSize(file), { width, height }],
        [
          { width: 22, height: 31 },
          { width: 22, height: 31 },
        ],
        name,
      );
    }
  });

  test('leaves other, broken and missing files to the decoder', async () => {
    const plain = await image().jpeg().toBuffer();
    const contents = { 'a.png': await image().png().toBuffer(), 'cut.jpg': plain.subarray(0, 40), 'empty.jpg': '' };
    for (const [name, content] of Object.entries(contents)) {
      await fs.writeFile(path.join(folder, name), content);
      assert.equal(jpegSize(path.join(folder, name)), undefined, name);
    }
    assert.equal(jpegSize(path.join(folder, 'missing.jpg')), undefined);
  });
});

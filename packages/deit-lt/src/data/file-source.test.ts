import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import sharp from 'sharp';
import { stream } from '../random/stream.js';
import { decodeImage } from './decode/decode.js';
import { shrinkOnLoad } from './decode/decode-window.js';
import { packPaths } from './file-paths.js';
import { FileSource } from './file-source.js';
import { fileImages } from './file-split.js';
import { Loader } from './loader.js';
import { resampleImage } from './resample/resample-image.js';

const random = stream(0, 'draw');
const [width, height] = [31, 22];
const pictures = [0, 1, 2].map(() => new Uint8Array(width * height * 3).map(() => random.int(256)));
const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'deit-lt-files-'));
let paths: string[];

before(async () => {
  paths = await Promise.all(
    pictures.map(async (pixels, i) => {
      const file = path.join(folder, `${i}.png`);
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(file);
      return file;
    }),
  );
});
after(() => fs.rm(folder, { recursive: true }));

const sourceOf = (files: readonly string[]) => new FileSource(fileImages(packPaths(files)), { threads: 2 });

suite('FileSource', () => {
  test('cuts and resizes as for images in memory', async () => {
    await using source = sourceOf(paths);
    const ids = Int32Array.of(2, 0, 1, 2);
    await source.measure(ids);
    assert.deepEqual(source.sizeOf(1), { width, height });
    const windows = Array.from(ids, (_, i) => ({ x: i - 2, y: 3, width: 15, height: 21, flip: i % 2 === 0 }));
    using images = await source.read(ids, windows, 12, 'bicubic');
    assert.deepEqual(images.shape, [4, 3, 12, 12]);
    assert.ok(images.isContiguous({ memoryFormat: 'channels_last' }));
    const levels = images.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();
    const expected = windows.flatMap((window, i) => [
      ...resampleImage({ width, height, pixels: pictures[ids[i]!]! }, window, 12, 'bicubic'),
    ]);
    assert.deepEqual([...levels], expected);
  });

  test('gives several windows of the same files as it gives single ones', async () => {
    await using source = sourceOf(paths);
    const ids = Int32Array.of(1, 2);
    await source.measure(ids);
    const windows = (x: number) =>
      [0, 1].map((i) => ({ x, y: i, width: 14, height: 16, flip: i === 1, reflect: true }));
    const cuts = [
      { windows: windows(2), size: 10, filter: 'bicubic' as const },
      { windows: windows(-3), size: 16, filter: 'bilinear' as const },
    ];
    const together = await source.readAll(ids, cuts);
    for (const [k, { windows, size, filter }] of cuts.entries()) {
      const alone = await source.read(ids, windows, size, filter);
      assert.ok(together[k]!.eq(alone).all().item(), `window ${k}`);
    }
  });

  test('names the file that cannot be decoded', async () => {
    const broken = path.join(folder, 'broken.png');
    await fs.writeFile(broken, (await fs.readFile(paths[0]!)).subarray(0, 500));
    await using source = sourceOf([paths[0]!, broken]);
    await source.measure(Int32Array.of(0, 1));
    const window = { x: 0, y: 0, width, height, flip: false };
    await assert.rejects(source.read(Int32Array.of(0, 1), [window, window], 8, 'bilinear'), {
      name: 'UserError',
      code: 'DATA_BAD_FILES',
      message: /broken\.png/,
    });
    await assert.rejects(sourceOf([path.join(folder, 'none.png')]).measure(Int32Array.of(0)), /none\.png/);
  });

  test('decodes large JPEG files smaller, with nearly the same result', async () => {
    const file = path.join(folder, 'large.jpg');
    const noise = Uint8Array.from({ length: 60 * 45 * 3 }, () => random.int(256));
    await sharp(noise, { raw: { width: 60, height: 45, channels: 3 } })
      .resize(608, 448, { kernel: 'cubic' })
      .jpeg()
      .toFile(file);
    const window = { x: 32, y: 16, width: 544, height: 416, flip: true };
    const shrinkTo = (size: number, width = 608) =>
      shrinkOnLoad({ width, height: 448 }, { window, size, filter: 'bicubic' });
    assert.deepEqual([shrinkTo(40), shrinkTo(60), shrinkTo(200)], [4, 2, 1]);
    assert.deepEqual([shrinkTo(40, 610), shrinkTo(40, 609)], [2, 1], 'only by what divides the sides');
    await using source = sourceOf([file]);
    await source.measure(Int32Array.of(0));
    using images = await source.read(Int32Array.of(0), [window], 40, 'bicubic');
    const levels = images.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();
    const expected = resampleImage(await decodeImage(file), window, 40, 'bicubic');
    const most = expected.reduce((max, level, i) => Math.max(max, Math.abs(level - levels[i]!)), 0);
    assert.ok(most <= 4, `${most} levels`); // noise of full contrast; real pictures differ by one
  });

  test('chooses windows again when a file was changed after it was measured', async () => {
    const file = path.join(folder, 'changing.png');
    const write = (wide: number, high: number) =>
      sharp(Buffer.from(Array.from({ length: wide * high * 3 }, (_, i) => (i * 37) % 251)), {
        raw: { width: wide, height: high, channels: 3 },
      })
        .png()
        .toFile(file);
    const window = (w: number, h: number) => ({ x: 2, y: 1, width: w - 4, height: h - 3, flip: false });
    const pipeline = { size: 8, filter: 'bicubic' as const, window, transforms: [] };
    const levelsOf = async (source: FileSource): Promise<number[]> => {
      const ids = Int32Array.of(0, 1);
      const labels = Int32Array.of(0, 1);
      for await (using batch of new Loader({ source, labels, pipeline, ids, batchSize: 2 }))
        return [...batch.images.contiguous().toTypedArray<'float32'>()];
      throw new Error('no batch');
    };
    await write(20, 30);
    await using stale = sourceOf([paths[0]!, file]);
    await stale.measure(Int32Array.of(0, 1));
    await write(33, 21);
    await using fresh = sourceOf([paths[0]!, file]);
    assert.deepEqual(await levelsOf(stale), await levelsOf(fresh));
    assert.deepEqual(stale.sizeOf(1), { width: 33, height: 21 });
    await write(20, 30);
    const whole = { x: 0, y: 0, width: 33, height: 21, flip: false };
    const changed = { code: 'DATA_BAD_FILES', message: /changing\.png was changed while it was read/ };
    await assert.rejects(stale.read(Int32Array.of(1), [whole], 8, 'bicubic'), changed);
  });

  test('serves a loader that reads ahead', async () => {
    await using source = sourceOf(paths);
    const pipeline = {
      size: 8,
      filter: 'bicubic' as const,
      window: (w: number, h: number) => ({ x: 0, y: 0, width: w, height: h, flip: false }),
      transforms: [],
    };
    const labels = Int32Array.of(0, 1, 2);
    const ids = Int32Array.of(0, 1, 2, 0, 1, 2);
    let seen = 0;
    for await (const { images } of new Loader({ source, labels, pipeline, ids, batchSize: 2 })) {
      seen += images.shape[0]!;
      images.dispose();
    }
    assert.equal(seen, 6);
  });

  test('rejects what waits when it is closed', async () => {
    const source = sourceOf(paths);
    await source.measure(Int32Array.of(0, 1, 2));
    const window = { x: 0, y: 0, width, height, flip: false };
    const reading = source.read(Int32Array.of(0, 1, 2), [window, window, window], 8, 'bicubic');
    const rejected = assert.rejects(reading, /closed/);
    await source[Symbol.asyncDispose]();
    await rejected;
  });
});

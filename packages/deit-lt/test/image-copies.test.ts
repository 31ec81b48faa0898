/** Copies of large images: the same pixels with and without them, changed files are noticed, and disk space is bounded. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import sharp from 'sharp';
import { copiesFit, makeRoom, mostCopyBytes, noRoom } from '../src/data/cache/copies-room.js';
import { copyEnd, folderOfCopies, ImageCopy } from '../src/data/cache/image-copies.js';
import type { Window } from '../src/data/decode/window.js';
import { packPaths } from '../src/data/file-paths.js';
import { type CopiesOptions, FileSource } from '../src/data/file-source.js';
import { fileImages } from '../src/data/file-split.js';
import { stream } from '../src/random/stream.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

const [width, height, size] = [900, 621, 32];
const crops: readonly Window[] = [
  { x: 0, y: 0, width, height, flip: false },
  { x: 101, y: 37, width: 611, height: 503, flip: true },
  { x: 300, y: 200, width: 90, height: 90, flip: false }, // too small for a copy
];

/** A picture of soft shapes with fine lines, as drawings and photographs have them. */
async function picture(file: string, seed = 0): Promise<void> {
  const random = stream(seed, 'draw');
  const coarse = new Uint8Array(12 * 9 * 3).map(() => random.int(256));
  const soft = await sharp(coarse, { raw: { width: 12, height: 9, channels: 3 } })
    .resize(width, height, { fit: 'fill' })
    .raw()
    .toBuffer();
  const lined = soft.map((level, i) => (Math.floor(i / 3) % 37 === 0 ? 255 - level : level));
  const image = sharp(lined, { raw: { width, height, channels: 3 } });
  writeFileSync(file, await (file.endsWith('.png') ? image.png() : image.jpeg({ quality: 95 })).toBuffer());
  utimesSync(file, new Date(2020, 1, seed + 1), new Date(2020, 1, seed + 1));
}

const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-copies-'));
const copies = path.join(folder, 'cache', 'copies');
const fileOf = (name: string): string => path.join(folder, name, name);
const environment = { ...process.env };

before(async () => {
  process.env.DEIT_LT_CACHE = path.join(folder, 'cache');
  for (const name of ['a.png', 'b.jpg', 'c.png', 'd.png']) {
    mkdirSync(path.dirname(fileOf(name)));
    await picture(fileOf(name));
  }
  // The time of the last change of an inode cannot be set back: wait until it is settled.
  await new Promise((resolve) => setTimeout(resolve, 2100));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  process.env = environment;
});

/** The copies of the images in the folder of `file`. */
const copiesOf = (file: string): string[] => filesIn(folderOfCopies(copies, path.dirname(file)));

async function pixelsOf(file: string, copies?: CopiesOptions): Promise<Float32Array> {
  await using source = new FileSource(fileImages(packPaths([file])), { threads: 1, ...(copies && { copies }) });
  const ids = new Int32Array(crops.length);
  await source.measure(ids);
  using images = await source.read(ids, crops, size, 'bicubic');
  return Float32Array.from(images.contiguous().toTypedArray<'float32'>());
}

const filesIn = (folder: string): string[] =>
  !existsSync(folder)
    ? []
    : readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(copyEnd));

const most = (a: Float32Array, b: Float32Array): number =>
  a.reduce((max, level, i) => Math.max(max, Math.abs(level - b[i]!)), 0);

suite('the copies of large images', () => {
  for (const name of ['a.png', 'b.jpg'])
    test(`give the pixels that a training has without them, close to those of the whole image: ${name}`, async () => {
      const file = fileOf(name);
      const whole = await pixelsOf(file);
      process.env.DEIT_LT_COPIES = '0';
      const without = await pixelsOf(file, { kind: 'shrunk', note: () => assert.fail('there is no room') });
      delete process.env.DEIT_LT_COPIES;
      assert.deepEqual(copiesOf(file), []);
      const notes: string[] = [];
      for (const _ of ['made', 'used'])
        assert.deepEqual(await pixelsOf(file, { kind: 'shrunk', note: (line) => notes.push(line) }), without);
      assert.match(notes[0]!, /copies are kept in .*copies \(up to \d+\.\d GiB more\)/);
      assert.deepEqual([notes.length, copiesOf(file).length], [2, 1]);
      assert.ok(most(whole, without) <= 6, `${most(whole, without)} levels`);
      const last = 2 * size * size * 3; // the small window comes from the file
      assert.deepEqual(whole.subarray(last), without.subarray(last));
    });

  test('of the same windows in each epoch are the windows, with the pixels of the whole image', async () => {
    const file = fileOf('c.png');
    await using source = new FileSource(fileImages(packPaths([file])), { threads: 1, copies: { kind: 'cut' } });
    const ids = Int32Array.of(0);
    await source.measure(ids);
    const expected = (await pixelsOf(file)).subarray(0, 3 * size * size);
    for (const _ of ['made', 'used']) {
      using images = await source.read(ids, [crops[0]!], size, 'bicubic');
      assert.deepEqual(Float32Array.from(images.contiguous().toTypedArray<'float32'>()), expected);
      assert.equal(copiesOf(file).length, 1);
    }
  });

  test('are made again when they are damaged, and not used for a file that has changed', async () => {
    const file = fileOf('d.png');
    const first = await pixelsOf(file, { kind: 'shrunk' });
    const copy = path.join(folderOfCopies(copies, path.dirname(file)), copiesOf(file)[0]!);
    const bytes = readFileSync(copy);
    bytes[bytes.length >> 1]! ^= 0x40;
    for (const damaged of [bytes, bytes.subarray(0, 100), Buffer.alloc(0)]) {
      writeFileSync(copy, damaged);
      assert.deepEqual(await pixelsOf(file, { kind: 'shrunk' }), first);
      assert.ok(readFileSync(copy).length > 100);
    }
    await picture(file, 5);
    assert.ok(most(await pixelsOf(file, { kind: 'shrunk' }), first) > 20);
  });
});

suite('makeRoom()', () => {
  const kib = (room: SharedArrayBuffer): number => new Int32Array(room)[0]!;

  /** Two folders of images with a copy of 40 KiB each, the first used longer ago. */
  function copied(folder: string): string[] {
    return ['/old', '/new'].map((images, i) => {
      const own = folderOfCopies(folder, images);
      mkdirSync(own, { recursive: true });
      writeFileSync(path.join(own, `x${copyEnd}`), Buffer.alloc(40 * 1024));
      utimesSync(own, new Date(2020, i, 1), new Date(2020, i, 1));
      return own;
    });
  }

  test('leaves half of the space to others, and removes those that were used longest ago', async (t) => {
    const folder = temporaryFolder(t);
    copied(folder);
    const room = noRoom();
    await makeRoom(folder, ['/mine'], room, 200 * 1024);
    assert.equal(kib(room), 120);
    await makeRoom(folder, ['/mine'], room, 100 * 1024);
    assert.deepEqual([kib(room), readdirSync(folder)], [60, [path.basename(folderOfCopies(folder, '/new'))]]);
  });

  test('counts and keeps those of the own folders, and has none below their size', async (t) => {
    const folder = temporaryFolder(t);
    copied(folder);
    const room = noRoom();
    await makeRoom(folder, ['/old', '/new'], room, 100 * 1024);
    assert.deepEqual([kib(room), readdirSync(folder).length], [20, 2]);
    await makeRoom(folder, ['/old', '/new'], room, 10 * 1024);
    assert.equal(kib(room), 0);
    assert.ok(statSync(folderOfCopies(folder, '/old')).mtimeMs > Date.now() - 60_000, 'used now');
  });

  test('is never exceeded: copies beyond it are not written', async (t) => {
    const folder = temporaryFolder(t);
    const image = fileOf('a.png');
    const room = noRoom();
    await makeRoom(folder, [folder], room, 100 * 1024);
    for (const name of ['a', 'b', 'c']) ImageCopy.of(image, name, { folder, room })!.write(Buffer.alloc(45 * 1024));
    assert.deepEqual([filesIn(folder).length, kib(room)], [2, 8]);
    assert.equal(ImageCopy.of(image, 'c', { folder, room })!.read(), undefined);
    assert.equal(ImageCopy.of(image, 'a', { folder, room })!.read()!.length, 45 * 1024);
  });
});

suite('copiesFit()', () => {
  test('is whether the copies of all images are within the limit', () => {
    const typical = { width: 1920, height: 1080 }; // 480 × 270 pixels for an input of 64: 389 kB
    assert.deepEqual(
      [20_000, 23_000].map((images) => copiesFit(images, typical, 64)),
      [true, false],
    );
  });
});

suite('mostCopyBytes()', () => {
  test('is 8 GiB unless DEIT_LT_COPIES is a number of GiB', () => {
    const bytes = (DEIT_LT_COPIES?: string): number => mostCopyBytes({ DEIT_LT_COPIES }) / 2 ** 30;
    assert.deepEqual([bytes(), bytes(''), bytes('0'), bytes('2.5'), bytes('many')], [8, 8, 0, 2.5, 8]);
  });
});

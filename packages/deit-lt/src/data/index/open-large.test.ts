/** Large data sets: what is looked at, what is remembered, and what makes it be looked at again. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { solid, truncatedJpeg, writeImage } from '../../../test/helpers/images.js';
import { movedClock } from '../../../test/helpers/moved-clock.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import type { Dataset } from '../dataset.js';
import { fileSplit } from '../file-split.js';
import { openDataset } from '../open.js';
import type { OpenOptions, Progress } from '../open-options.js';
import { isLarge } from './open-large.js';

/** Files whose last change is older than this count as settled, so that their index is used. */
const longMs = 60_000;

/** Two classes of three photographs, and two test images; not all of one size. */
async function tree(t: TestContext): Promise<string> {
  const root = temporaryFolder(t);
  for (const [i, file] of ['train/a/0.jpg', 'train/a/1.png', 'train/a/2.webp', 'train/b/0.jpg'].entries())
    await writeImage(path.join(root, file), [50 * i, 0, 0], 10 + i, 20);
  for (const file of ['train/b/1.jpg', 'train/b/2.jpg', 'test/a/0.jpg', 'test/b/0.jpg'])
    await writeImage(path.join(root, file), [0, 99, 0], 30, 40);
  movedClock(t).pass(longMs);
  return root;
}

interface Opened {
  readonly dataset: Dataset;
  /** Files that were looked at, by what the work is called. */
  readonly looked: Readonly<Record<string, number>>;
  readonly lines: readonly string[];
}

async function open(spec: string, cacheDir: string, options: OpenOptions = {}): Promise<Opened> {
  const looked: Record<string, number> = {};
  const lines: string[] = [];
  const onProgress = ({ what, done }: Progress): void => {
    looked[what] = done;
  };
  const log = (line: string): void => void lines.push(line);
  const dataset = await openDataset(spec, { cacheDir, checkFiles: 'headers', onProgress, log, ...options });
  return { dataset, looked, lines };
}

const namesOf = ({ images, labels }: Dataset['train']): string[] =>
  Array.from(labels, (label, i) => `${label} ${images.nameOf(i).split('/').slice(-2).join('/')}`);

const indexOf = (cacheDir: string): string =>
  path.join(cacheDir, 'index', fs.readdirSync(path.join(cacheDir, 'index'))[0]!);

suite('openDataset(): many files', () => {
  test('reads each file once, and stores classes, labels and sizes', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    const first = await open(root, cacheDir);
    assert.deepEqual(first.looked, { 'checking train images': 6, 'checking test images': 2 });
    assert.match(first.lines.join(), /8 image files checked by their headers .*; remembered in .*index/);
    const second = await open(root, cacheDir);
    assert.deepEqual([second.looked, second.lines], [{}, []]);
    for (const { dataset } of [first, second]) {
      assert.deepEqual(dataset.classNames, ['a', 'b']);
      assert.deepEqual(namesOf(dataset.train), [
        '0 a/0.jpg',
        '0 a/1.png',
        '0 a/2.webp',
        '1 b/0.jpg',
        '1 b/1.jpg',
        '1 b/2.jpg',
      ]);
      assert.deepEqual(namesOf(dataset.test!), ['0 a/0.jpg', '1 b/0.jpg']);
      const { images } = dataset.train;
      if (images.kind !== 'files') assert.fail('they should stay files');
      assert.deepEqual([...images.sizes!], [10, 20, 11, 20, 12, 20, 13, 20, 30, 40, 30, 40]);
    }
  });

  test('sizes are upright, as the camera was held', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    await sharp(await solid([9, 9, 9], 12, 34).jpeg().toBuffer())
      .withMetadata({ orientation: 6 })
      .toFile(path.join(root, 'train/a/3.jpg'));
    const { images } = (await open(root, cacheDir)).dataset.train;
    assert.deepEqual(images.kind === 'files' && [...images.sizes!.subarray(6, 8)], [34, 12]);
  });

  test('does not list again while list and folders are as they were', async (t) => {
    const [root, cacheDir] = [temporaryFolder(t), temporaryFolder(t)];
    for (const name of ['a.jpg', 'b.jpg']) await writeImage(path.join(root, name), [1, 2, 3]);
    const list = path.join(root, 'train.txt');
    write(list, 'a.jpg 0\nb.jpg 1\n');
    movedClock(t).pass(longMs);
    await open(list, cacheDir);
    assert.deepEqual((await open(list, cacheDir)).looked, {});
    const { atime, mtime } = fs.statSync(list);
    fs.writeFileSync(list, 'a.jpg 1\nb.jpg 0\n');
    fs.utimesSync(list, atime, mtime); // of the same length and time, yet seen
    assert.deepEqual([...(await open(list, cacheDir)).dataset.train.labels], [1, 0]);
  });

  test('sees a list of test images and class names that come later', async (t) => {
    const [root, cacheDir] = [temporaryFolder(t), temporaryFolder(t)];
    for (const name of ['a.jpg', 'b.jpg']) await writeImage(path.join(root, name), [1, 2, 3]);
    write(path.join(root, 'train.txt'), 'a.jpg 0\nb.jpg 1\n');
    movedClock(t).pass(longMs);
    const list = path.join(root, 'train.txt');
    assert.equal((await open(list, cacheDir)).dataset.test, undefined);
    write(path.join(root, 'val.txt'), 'a.jpg 1\n');
    write(path.join(root, 'classes.txt'), 'cat\ndog\n');
    const { dataset } = await open(list, cacheDir);
    assert.deepEqual([dataset.classNames, [...dataset.test!.labels]], [['cat', 'dog'], [1]]);
  });

  test('new, removed and replaced files are found, and only their folder is read', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    await open(root, cacheDir);
    await writeImage(path.join(root, 'train/b/9.jpg'), [1, 1, 1], 50, 60);
    fs.rmSync(path.join(root, 'train/b/1.jpg'));
    const { dataset, looked, lines } = await open(root, cacheDir);
    assert.deepEqual(namesOf(dataset.train).slice(3), ['1 b/0.jpg', '1 b/2.jpg', '1 b/9.jpg']);
    assert.deepEqual(looked, { 'checking train images': 3 });
    assert.match(lines.join(), /^1 image files checked/); // the others are as they were
    fs.writeFileSync(path.join(root, 'train/b/new'), '');
    fs.renameSync(path.join(root, 'train/b/new'), path.join(root, 'train/b/9.jpg'));
    await assert.rejects(open(root, cacheDir), {
      code: 'DATA_BAD_FILES',
      message: /1 image of 8.*\n.*9\.jpg is empty/,
    });
  });

  test('folders that were swapped are seen, with all their times as they were', async (t) => {
    const root = temporaryFolder(t);
    for (const [i, name] of ['train/a', 'train/b'].entries())
      await writeImage(path.join(root, name, '0.jpg'), [1, 2, 3], 10 + i, 20);
    const all = ['train/a/0.jpg', 'train/b/0.jpg', 'train/a', 'train/b', 'train', ''].map((n) => path.join(root, n));
    const setTimes = (): void => all.forEach((file) => void fs.utimesSync(file, 1000, 1000));
    setTimes();
    movedClock(t).pass(longMs);
    const cacheDir = temporaryFolder(t);
    const widths = async (): Promise<unknown> => {
      const { images } = (await open(root, cacheDir)).dataset.train;
      return images.kind === 'files' && [images.sizes![0], images.sizes![2]];
    };
    assert.deepEqual(await widths(), [10, 11]);
    for (const [from, to] of ['a c', 'b a', 'c b'].map((names) => names.split(' ')))
      fs.renameSync(path.join(root, 'train', from!), path.join(root, 'train', to!));
    setTimes();
    assert.deepEqual(await widths(), [11, 10]);
  });

  test('a file that is changed in its place is found when it is one of the thousand that are checked', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    await open(root, cacheDir);
    fs.truncateSync(path.join(root, 'test/b/0.jpg'), 0);
    await assert.rejects(open(root, cacheDir), { code: 'DATA_BAD_FILES', message: /test\/b\/0\.jpg is empty/ });
  });

  test('files that were changed just now are checked again at the next start', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    const all = { 'checking train images': 6, 'checking test images': 2 };
    t.mock.restoreAll(); // the files of the tree are new
    for (let start = 0; start < 2; start++) assert.deepEqual((await open(root, cacheDir)).looked, all);
    movedClock(t).pass(longMs);
    assert.deepEqual([(await open(root, cacheDir)).looked, (await open(root, cacheDir)).looked], [all, {}]);
  });

  test('files that cannot be read are named as when all are decoded, and are checked again', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    write(path.join(root, 'train/a/3.jpg'), '');
    write(path.join(root, 'train/a/4.jpg'), await truncatedJpeg());
    write(path.join(root, 'train/a/5.png'), 'no image');
    fs.symlinkSync('nowhere', path.join(root, 'train/b/3.jpg'));
    const messages: string[] = [];
    for (const checkFiles of ['headers', 'headers', 'decode'] as const)
      await assert.rejects(open(root, cacheDir, { checkFiles }), (error: Error) => messages.push(error.message) > 0);
    assert.match(
      messages[0]!,
      /^4 images of 12.*\n.*3\.jpg is empty\n.*4\.jpg is cut off.*\n.*5\.png is not an.*\n.*b\/3\.jpg does not exist/,
    );
    assert.deepEqual(messages, Array(3).fill(messages[0]));
    const { dataset } = await open(root, cacheDir, { skipBad: true });
    assert.deepEqual(namesOf(dataset.train).slice(2), ['0 a/2.webp', '1 b/0.jpg', '1 b/1.jpg', '1 b/2.jpg']);
    assert.deepEqual(dataset.train.images.kind === 'files' && dataset.train.images.sizes!.length, 12);
    fs.writeFileSync(path.join(root, 'train/a/3.jpg'), fs.readFileSync(path.join(root, 'train/a/0.jpg')));
    const mended = await open(root, cacheDir, { skipBad: true });
    assert.equal(mended.dataset.train.labels.length, 7);
  });

  test('decoding all files finds what headers do not show', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    const image = await solid([1, 2, 3]).jpeg().toBuffer();
    image.fill(0xff, image.indexOf(Buffer.from([0xff, 0xc4])) + 5).set([0xff, 0xd9], image.length - 2); // its Huffman tables
    write(path.join(root, 'train/a/3.jpg'), image);
    const kept = (await open(root, cacheDir)).dataset.train.labels.length;
    assert.equal(kept, 7);
    const large = { checkFiles: 'decode', maxBytes: 0 } as const;
    await assert.rejects(open(root, cacheDir, large), { message: /a\/3\.jpg is cut off or damaged/ });
  });

  test('a damaged index is made again', async (t) => {
    const [root, cacheDir] = [await tree(t), temporaryFolder(t)];
    await open(root, cacheDir);
    const file = indexOf(cacheDir);
    const whole = fs.readFileSync(file);
    const otherName = Buffer.from(whole).fill('A', whole.indexOf('"a"') + 1, whole.indexOf('"a"') + 2);
    const damaged = [whole.subarray(0, -1), Buffer.from('x'), Buffer.from(whole).fill(7, whole.length - 9), otherName];
    for (const content of [...damaged, Buffer.concat([whole, Buffer.from('x')])]) {
      fs.writeFileSync(file, content);
      assert.equal((await open(root, cacheDir)).looked['checking train images'], 6);
      assert.deepEqual(fs.readFileSync(file), whole);
    }
  });

  test('files that were checked before an interruption are not checked again', async (t) => {
    const [root, cacheDir] = [temporaryFolder(t), temporaryFolder(t)];
    const image = await solid([1, 2, 3]).jpeg().toBuffer();
    for (let i = 0; i < 3000; i++) write(path.join(root, `train/${i % 2}/${i}.jpg`), image);
    await writeImage(path.join(root, 'test/0/0.jpg'), [1, 2, 3]);
    movedClock(t).pass(longMs);
    const stop = new AbortController();
    const onProgress = (): void => stop.abort(new Error('enough'));
    await assert.rejects(open(root, cacheDir, { onProgress, signal: stop.signal }), /enough/);
    const { looked, dataset } = await open(root, cacheDir);
    assert.ok(looked['checking train images']! < 3000, `${looked['checking train images']}`);
    assert.equal(looked['checking test images'], 1);
    assert.deepEqual([dataset.train.labels.length, dataset.test?.labels.length], [3000, 1]);
    assert.deepEqual((await open(root, cacheDir)).looked, {});
  });

  test('a cache that cannot be written costs one line', async (t) => {
    const root = await tree(t);
    const notFolder = path.join(temporaryFolder(t), 'file');
    write(notFolder, '');
    const { lines, dataset } = await open(root, notFolder);
    assert.match(lines.join('\n'), /is not cached/);
    assert.equal(dataset.train.labels.length, 6);
  });
});

suite('isLarge()', () => {
  test('is for more than 50,000 files that do not come into memory', async (t) => {
    const folder = temporaryFolder(t);
    const [small, other] = [path.join(folder, 'a.png'), path.join(folder, 'b.png')];
    await writeImage(small, [1, 2, 3], 32, 32);
    await writeImage(other, [1, 2, 3], 33, 32);
    const of = (count: number, file: (i: number) => string): Dataset => ({
      name: 'x',
      classNames: ['a'],
      train: fileSplit(
        Array.from({ length: count }, (_, i) => file(i)),
        new Int32Array(count),
      ),
    });
    const equal = of(50_001, () => small);
    assert.equal(await isLarge(equal, {}), false);
    assert.equal(await isLarge(equal, { maxBytes: 50_000 * 32 * 32 * 3 }), true);
    assert.equal(
      await isLarge(
        of(50_001, (i) => (i % 2 ? small : other)),
        {},
      ),
      true,
    );
    assert.equal(
      await isLarge(
        of(50_000, (i) => (i % 2 ? small : other)),
        {},
      ),
      false,
    );
    assert.equal(
      await isLarge(
        of(2, () => small),
        { checkFiles: 'headers' },
      ),
      true,
    );
  });
});

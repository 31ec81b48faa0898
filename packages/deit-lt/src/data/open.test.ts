import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { truncatedJpeg, writeImage, writeTree } from '../../test/helpers/images.js';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { defaultCacheDir } from './cache/cache-folder.js';
import type { Dataset } from './dataset.js';
import { openDataset } from './open.js';

function names({ train, test }: Dataset, root: string): { train: string[]; test: string[] | undefined } {
  const list = (split: Dataset['train']): string[] =>
    Array.from(split.labels, (label, i) => `${label} ${path.relative(root, split.images.nameOf(i))}`);
  return { train: list(train), test: test === undefined ? undefined : list(test) };
}

suite('openDataset(): folder with splits', () => {
  test('classes and files are sorted by name, folders within classes are read', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { zebra: 1, Ant: 2, été: 1 }, test: { zebra: 1 } });
    await writeImage(path.join(root, 'train/Ant/more/deep/x.jpg'), [1, 2, 3]);
    const dataset = await openDataset(root);
    assert.deepEqual(dataset.classNames, ['Ant', 'zebra', 'été']);
    assert.deepEqual(names(dataset, root), {
      train: [
        '0 train/Ant/0.png',
        '0 train/Ant/1.png',
        '0 train/Ant/more/deep/x.jpg',
        '1 train/zebra/0.png',
        '2 train/été/0.png',
      ],
      test: ['1 test/zebra/0.png'],
    });
    assert.equal(dataset.train.images.kind, 'memory');
  });

  for (const name of ['val', 'validation', 'valid'])
    test(`${name} is the test split`, async (t) => {
      const root = temporaryFolder(t);
      await writeTree(root, { train: { a: 1, b: 1 }, [name]: { a: 2 } });
      assert.equal((await openDataset(root)).test?.labels.length, 2);
    });

  test('test goes before val, and this is said', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 }, val: { a: 2 }, test: { a: 3 } });
    const lines: string[] = [];
    const dataset = await openDataset(root, { log: (line) => lines.push(line) });
    assert.equal(dataset.test?.labels.length, 3);
    assert.match(lines.join(), /test is the test split; val is not used/);
  });

  test('hidden files and notes are no images, links are followed', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    await writeImage(path.join(root, 'elsewhere/far.png'), [9, 9, 9]);
    write(path.join(root, 'train/a/.DS_Store'), 'x');
    write(path.join(root, 'train/.cache/x.png'), 'x');
    write(path.join(root, 'train/a/notes.txt'), 'x');
    fs.symlinkSync(path.join(root, 'elsewhere/far.png'), path.join(root, 'train/b/file-link.png'));
    fs.symlinkSync(path.join(root, 'elsewhere'), path.join(root, 'train/b/folder-link'));
    fs.symlinkSync(path.join(root, 'train'), path.join(root, 'train/b/round'));
    const lines: string[] = [];
    const dataset = await openDataset(root, { log: (line) => lines.push(line) });
    assert.deepEqual(names(dataset, root).train, [
      '0 train/a/0.png',
      '1 train/b/0.png',
      '1 train/b/file-link.png',
      '1 train/b/folder-link/far.png',
      '1 train/b/round/a/0.png', // once: the link leads around, not for ever
    ]);
    assert.match(lines.join(), /2 files are no images by their name, such as .*notes\.txt/);
  });

  test('refuses a test class that training lacks, by name', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 }, test: { a: 1, owl: 1, fox: 1 } });
    await assert.rejects(openDataset(root), { code: 'DATA_CLASSES', message: /without training images: fox, owl/ });
  });

  test('refuses a class without images, a single class, and a test split alone', async (t) => {
    const [empty, single, testOnly] = [temporaryFolder(t), temporaryFolder(t), temporaryFolder(t)];
    await writeTree(empty!, { train: { a: 1, b: 0, c: 1 } });
    await writeTree(single!, { train: { a: 2 } });
    await writeTree(testOnly!, { test: { a: 2, b: 1 } });
    await assert.rejects(openDataset(empty!), { code: 'DATA_CLASSES', message: /no training images in b/ });
    await assert.rejects(openDataset(single!), { code: 'DATA_CLASSES', message: /only one class, a/ });
    await assert.rejects(openDataset(testOnly!), { code: 'DATA_LAYOUT', message: /none named train/ });
  });

  test('reports the bad files of both splits together', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 1 }, test: { a: 2 } });
    write(path.join(root, 'train/a/0.png'), '');
    write(path.join(root, 'test/a/0.png'), await truncatedJpeg());
    fs.symlinkSync(path.join(root, 'nowhere'), path.join(root, 'train/b/broken.png'));
    await assert.rejects(openDataset(root), (error: Error) => {
      assert.match(error.message, /3 images of 6/);
      assert.match(
        error.message,
        /train\/a\/0\.png is empty\n.*broken\.png does not exist\n.*test\/a\/0\.png is cut off/,
      );
      return true;
    });
    const dataset = await openDataset(root, { skipBad: true });
    assert.deepEqual(names(dataset, root), { train: ['0 train/a/1.png', '1 train/b/0.png'], test: ['0 test/a/1.png'] });
  });

  test('refuses when skipping leaves a class without images', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    write(path.join(root, 'train/a/0.png'), '');
    await assert.rejects(openDataset(root, { skipBad: true }), { code: 'DATA_CLASSES', message: /is left of a/ });
    const noTest = temporaryFolder(t);
    await writeTree(noTest, { train: { a: 1, b: 1 }, test: { a: 1 } });
    write(path.join(noTest, 'test/a/0.png'), '');
    await assert.rejects(openDataset(noTest, { skipBad: true }), { code: 'DATA_CLASSES', message: /no test image/ });
  });
});

suite('openDataset(): class folders alone', () => {
  test('without split there is no test split', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { '': { a: 3, b: 2 } });
    const dataset = await openDataset(root);
    assert.deepEqual([dataset.train.labels.length, dataset.test], [5, undefined]);
  });

  test('split takes its share of each class: at least one, never all, the same for the same seed', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { '': { a: 20, b: 3, c: 1 } });
    const open = async (seed: number): Promise<ReturnType<typeof names>> =>
      names(await openDataset(root, { split: 0.2, seed }), root);
    const first = await open(1);
    const count = (list: readonly string[], label: string): number => list.filter((n) => n.startsWith(label)).length;
    assert.deepEqual(
      ['0', '1', '2'].map((label) => count(first.test!, label)),
      [4, 1, 0],
    );
    assert.deepEqual([...first.train, ...first.test!].sort(), names(await openDataset(root), root).train.sort());
    assert.deepEqual(await open(1), first);
    assert.notDeepEqual(await open(2), first);
  });

  test('refuses a split of classes of one image, which they keep', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { images: { a: 1, b: 1 } });
    await assert.rejects(openDataset(path.join(root, 'images'), { split: 0.2 }), {
      code: 'DATA_CLASSES',
      message: /has two images, so none can be kept aside as test images/,
    });
  });

  test('refuses a split that is no share, or of data with a test split', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 2 }, test: { a: 1 } });
    await assert.rejects(openDataset(root, { split: 0.5 }), { code: 'USAGE', message: /test images of its own/ });
    for (const split of [0, 1, -0.1, 20, Number.NaN])
      await assert.rejects(openDataset(path.join(root, 'train'), { split }), {
        code: 'USAGE',
        message: /between 0 and 1/,
      });
  });
});

suite('openDataset(): names', () => {
  test('shapes needs no data', async () => {
    const dataset = await openDataset('shapes');
    assert.ok(dataset.classNames.length >= 2);
    assert.equal(dataset.train.images.kind, 'memory');
  });
});

suite('openDataset(): nothing there', () => {
  test('says which kinds there are and what name is near', async (t) => {
    const root = temporaryFolder(t);
    fs.mkdirSync(path.join(root, 'flowers'));
    await assert.rejects(openDataset('cifar-10'), { code: 'DATA_NOT_FOUND', message: /did you mean "cifar10"/ });
    await assert.rejects(openDataset(path.join(root, 'flower')), (error: Error) => {
      assert.match(error.message, /flower" does not exist; did you mean ".*flowers"\?\nA data set is one of:\n/);
      assert.match(error.message, /train\/<class>/);
      return true;
    });
  });

  test('refuses a folder with loose images and a file of another kind', async (t) => {
    const root = temporaryFolder(t);
    await writeImage(path.join(root, 'x.png'), [1, 2, 3]);
    await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message: /not laid out as a data set/ });
    await assert.rejects(openDataset(path.join(root, 'x.png')), { code: 'DATA_LAYOUT' });
  });
});

suite('defaultCacheDir()', () => {
  test('follows DEIT_LT_CACHE, then XDG_CACHE_HOME, then the home folder', () => {
    assert.equal(defaultCacheDir({ DEIT_LT_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a');
    assert.equal(defaultCacheDir({ XDG_CACHE_HOME: '/b' }), '/b/deit-lt');
    assert.match(defaultCacheDir({}), /\.cache\/deit-lt$/);
  });
});

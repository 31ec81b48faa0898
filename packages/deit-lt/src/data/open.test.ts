import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { truncatedJpeg, writeImage, writeTree } from '../../test/helpers/images.js';
import { movedClock } from '../../test/helpers/moved-clock.js';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import type { Dataset } from './dataset.js';
import { openDataset } from './open.js';
import type { OpenOptions } from './open-options.js';

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

  test('test goes before val, with a message', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 }, val: { a: 2 }, test: { a: 3 } });
    const lines: string[] = [];
    const dataset = await openDataset(root, { log: (line) => lines.push(line) });
    assert.equal(dataset.test?.labels.length, 3);
    assert.match(lines.join(), /test is the test split; val is not used/);
  });

  test('hidden files and notes are not images, links are followed', async (t) => {
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
    ]); // nothing through `round`: these images are not of class b
    assert.match(lines.join('\n'), /train\/b\/round is not followed: it is a link to a folder that contains it/);
    assert.match(lines.join(), /1 file does not have the name of an image, such as .*notes\.txt/);
  });

  test('links to folders around them add nothing, at any depth, and are named', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { 'data/train': { a: 1, b: 1 } });
    await writeImage(path.join(root, 'far/c/0.png'), [9, 9, 9]);
    const [train, far] = [path.join(root, 'data/train'), path.join(root, 'far/c')];
    fs.symlinkSync(far, path.join(train, 'c')); // a class that lies elsewhere
    fs.symlinkSync(train, path.join(far, 'back')); // … and leads back
    fs.symlinkSync('.', path.join(train, 'self'));
    fs.symlinkSync('../..', path.join(train, 'a/up'));
    fs.mkdirSync(path.join(train, 'b/deep'));
    fs.symlinkSync('..', path.join(train, 'b/deep/again'));
    fs.symlinkSync('endless', path.join(train, 'b/endless'));
    const lines: string[] = [];
    const dataset = await openDataset(path.join(root, 'data'), { log: (line) => lines.push(line), skipBad: true });
    assert.deepEqual(names(dataset, train).train, ['0 a/0.png', '1 b/0.png', '2 c/0.png']);
    const text = lines.join('\n');
    for (const link of ['c/back', 'a/up', 'b/deep/again'])
      assert.match(text, new RegExp(`train/${link} is not followed`));
    assert.match(text, /train\/self is not a class: it is a link to a folder that contains it/);
    assert.match(text, /b\/endless cannot be read/);
  });

  test('a link to nothing in the place of a class or a split is named', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    fs.symlinkSync('/nowhere/c', path.join(root, 'train/c'));
    const message = /train\/c is a link to \/nowhere\/c, which does not exist: correct or remove it/;
    await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message });
    fs.rmSync(path.join(root, 'train/c'));
    fs.symlinkSync('/nowhere/photos', path.join(root, 'train/a/photos'));
    await assert.rejects(openDataset(root), { code: 'DATA_BAD_FILES', message: /a\/photos does not exist/ });
    fs.rmSync(path.join(root, 'train/a/photos'));
    fs.symlinkSync('/nowhere/test', path.join(root, 'test'));
    await assert.rejects(openDataset(root), { code: 'DATA_NOT_FOUND', message: /test cannot be listed/ });
  });

  test('files of operating systems are neither classes nor images', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    for (const name of ['.DS_Store', 'Thumbs.db', 'desktop.ini', '._0.png'])
      write(path.join(root, 'train/a', name), 'x');
    for (const folder of [
      '__MACOSX',
      '@eaDir',
      '.ipynb_checkpoints',
      'train/__MACOSX',
      'train/a/@eaDir',
      'train/lost+found',
    ])
      write(path.join(root, folder, '0.png'), 'x');
    const lines: string[] = [];
    const dataset = await openDataset(root, { log: (line) => lines.push(line) });
    assert.deepEqual(names(dataset, root).train, ['0 train/a/0.png', '1 train/b/0.png']);
    assert.deepEqual(lines, []);
  });

  test('pipes with the name of an image are not waited for', { skip: process.platform === 'win32' }, async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    assert.equal(spawnSync('mkfifo', [path.join(root, 'train/a/pipe.png')]).status, 0);
    assert.equal((await openDataset(root)).train.labels.length, 2);
  });

  test('images that are in no class folder are named', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 } });
    await writeImage(path.join(root, 'train/loose.png'), [9, 9, 9]);
    const lines: string[] = [];
    await openDataset(root, { log: (line) => lines.push(line) });
    assert.match(lines.join(), /1 image is in no class folder and is not used, such as loose\.png/);
  });

  test('names that are no UTF-8 are named, not left out', { skip: process.platform !== 'linux' }, async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 2 } });
    const latin = (name: string): Buffer => Buffer.from(path.join(root, 'train', name), 'latin1');
    fs.renameSync(path.join(root, 'train/a/1.png'), latin('a/café.png'));
    const message = /1 image of 4 .*\n.*has a name that is not UTF-8, caf\\xE9\.png: rename it/;
    await assert.rejects(openDataset(root), { code: 'DATA_BAD_FILES', message });
    assert.equal((await openDataset(root, { skipBad: true })).train.labels.length, 3);
    fs.mkdirSync(latin('b/größer'));
    await assert.rejects(openDataset(root), {
      message: /train\/b has a folder whose name is not UTF-8, gr\\xF6\\xDFer: re/,
    });
    fs.rmdirSync(latin('b/größer'));
    fs.renameSync(path.join(root, 'train/b'), latin('bär'));
    await assert.rejects(openDataset(root), {
      code: 'DATA_LAYOUT',
      message: /train has a folder .*, b\\xE4r: rename it/,
    });
  });

  test('refuses a test class that training lacks, by name', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 1, b: 1 }, test: { a: 1, owl: 1, fox: 1 } });
    await assert.rejects(openDataset(root), { code: 'DATA_CLASSES', message: /without training images: fox, owl/ });
  });

  test('refuses a class without images, a single class, and only a test split', async (t) => {
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
    await assert.rejects(openDataset(root, { skipBad: true }), { code: 'DATA_CLASSES', message: /are left of a/ });
    const noTest = temporaryFolder(t);
    await writeTree(noTest, { train: { a: 1, b: 1 }, test: { a: 1 } });
    write(path.join(noTest, 'test/a/0.png'), '');
    await assert.rejects(openDataset(noTest, { skipBad: true }), { code: 'DATA_CLASSES', message: /no test image/ });
  });
});

suite('openDataset(): only class folders', () => {
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
      message: /has two images, so none can be set aside as test images/,
    });
  });

  test('refuses a split that is not a share, or of data with a test split', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 2 }, test: { a: 1 } });
    await assert.rejects(openDataset(root, { split: 0.5 }), { code: 'USAGE', message: /already has test images/ });
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

suite('openDataset(): missing data', () => {
  test('lists the kinds of data and the nearest name', async (t) => {
    const root = temporaryFolder(t);
    fs.mkdirSync(path.join(root, 'flowers'));
    await assert.rejects(openDataset('cifar-10'), { code: 'DATA_NOT_FOUND', message: /did you mean "cifar10"/ });
    await assert.rejects(openDataset(path.join(root, 'flower')), (error: Error) => {
      assert.match(error.message, /flower" does not exist; did you mean ".*flowers"\?\nA data set is one of:\n/);
      assert.match(error.message, /train\/<class>/);
      return true;
    });
  });

  test('refuses links that lead to nothing or to themselves, and a file in the place of a folder', async (t) => {
    const root = temporaryFolder(t);
    fs.symlinkSync('/nowhere', path.join(root, 'lost'));
    fs.symlinkSync('loop', path.join(root, 'loop'));
    write(path.join(root, 'file'), 'x');
    for (const spec of ['lost', 'loop', 'loop/train', 'file/train', 'file/train.txt', 'x'.repeat(300), 'loop,loop'])
      for (const place of [spec, `${spec}.txt`, `${spec}.tar.gz`])
        await assert.rejects(openDataset(path.join(root, place)), { code: 'DATA_NOT_FOUND' }, place);
  });

  test('refuses a folder with loose images and a file of another kind', async (t) => {
    const root = temporaryFolder(t);
    await writeImage(path.join(root, 'x.png'), [1, 2, 3]);
    await assert.rejects(openDataset(root), { code: 'DATA_LAYOUT', message: /not laid out as a data set/ });
    await assert.rejects(openDataset(path.join(root, 'x.png')), { code: 'DATA_LAYOUT' });
  });
});

suite('openDataset(): which images are the test images', () => {
  /** Returns the logged lines, and the images of each split. */
  async function opened(root: string, options: OpenOptions) {
    const lines: string[] = [];
    const { train, test, classNames } = await openDataset(root, { ...options, log: (line) => lines.push(line) });
    return { text: lines.join('\n'), classNames, train: train.labels.length, test: test?.labels.length };
  }

  test('a flat folder "test" of unlabelled images gives way to val, with a message', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 1 }, val: { a: 1, b: 1 } });
    await writeImage(path.join(root, 'test/1.png'), [1, 2, 3]);
    for (const evaluation of [false, true]) {
      const { text, test } = await opened(root, { evaluation });
      assert.equal(test, 2);
      assert.match(text, /val is the test split; test is not used \(no class folders in test\)$/);
    }
    await writeImage(path.join(root, 'test/unknown/2.png'), [1, 2, 3]); // the same in another form
    const { text, test } = await opened(root, {});
    assert.deepEqual([test, /val is the test split; test is not used; --test-split chooses/.test(text)], [2, true]);
  });

  test('only a flat folder is not a test split', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 1 } });
    await writeImage(path.join(root, 'test/1.png'), [1, 2, 3]);
    const { text, test } = await opened(root, {});
    assert.equal(test, undefined);
    assert.match(text, /there is no test split; test is not used \(no class folders in test\)/);
  });

  test('testSplit chooses a folder of any name', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { train: { a: 2, b: 1 }, test: { a: 1 }, val: { a: 1, b: 1 }, 'test-2': { b: 3 } });
    const of = async (testSplit: string) => (await opened(root, { testSplit })).test;
    assert.deepEqual([await of('test'), await of('val'), await of('test-2')], [1, 2, 3]);
    const none = { code: 'USAGE', message: /--test-split vall: .* has no such folder; did you mean "val"/ };
    await assert.rejects(opened(root, { testSplit: 'vall' }), none);
    await assert.rejects(opened(root, { testSplit: 'train' }), {
      code: 'USAGE',
      message: /no other folder with training/,
    });
    assert.equal((await opened(root, { testSplit: 'train', evaluation: true })).test, 3);
    await assert.rejects(opened('shapes', { testSplit: 'val' }), { code: 'USAGE', message: /has one test split/ });
  });

  test('testSplit chooses the list beside the list of training images', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { '': { a: 2, b: 2 } });
    for (const [name, text] of Object.entries({
      train: 'a/0.png 0\nb/0.png 1\n',
      test: 'a/1.png 0\n',
      val: 'b/1.png 1\nb/0.png 1\n',
    }))
      write(path.join(root, `X_${name}.txt`), text);
    const list = path.join(root, 'X_train.txt');
    assert.deepEqual([(await opened(list, {})).test, (await opened(list, { testSplit: 'val' })).test], [1, 2]);
    await assert.rejects(opened(list, { testSplit: 'more' }), { code: 'USAGE', message: /X_more\.txt does not exist/ });
    const both = `${list},${path.join(root, 'X_val.txt')}`;
    await assert.rejects(opened(both, { testSplit: 'val' }), {
      code: 'USAGE',
      message: /names the list of test images/,
    });
    await assert.rejects(opened(path.join(root, 'X_val.txt'), { testSplit: 'test' }), {
      code: 'USAGE',
      message: /does not contain "train"/,
    });
  });

  test('for an evaluation test images suffice', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { test: { a: 2, b: 1, empty: 0 } });
    const { train, test, classNames } = await opened(root, { evaluation: true });
    assert.deepEqual([train, test, classNames], [0, 3, ['a', 'b']]);
  });

  test('for an evaluation, only class folders are all test images, with a message, except with split', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { '': { a: 4, b: 2 } });
    const { text, train, test } = await opened(root, { evaluation: true });
    assert.deepEqual([train, test], [0, 6]);
    assert.match(text, /has no test folder: all its 6 images are used\. .* give the --split/);
    const split = await opened(root, { evaluation: true, split: 0.25 });
    assert.deepEqual([split.train, split.test], [4, 2]);
    const onlyTrain = temporaryFolder(t);
    await writeTree(onlyTrain, { train: { a: 4, b: 2 } });
    assert.equal((await opened(onlyTrain, { evaluation: true })).test, undefined);
  });

  test('for an evaluation one list is all test images, with a message', async (t) => {
    const root = temporaryFolder(t);
    await writeTree(root, { '': { a: 4, b: 2 } });
    write(path.join(root, 'some.txt'), 'a/0.png 0\na/1.png 2\n');
    const { text, train, test, classNames } = await opened(path.join(root, 'some.txt'), { evaluation: true });
    assert.deepEqual([train, test, classNames], [0, 2, ['0', '1', '2']]);
    assert.match(text, /all 2 images of .*some\.txt are used/);
    const categories = [
      { id: 1, name: 'A' },
      { id: 2, name: 'B' },
    ];
    const images = [{ id: 1, file_name: 'a/0.png' }];
    write(
      path.join(root, 'val.json'),
      JSON.stringify({ images, categories, annotations: [{ image_id: 1, category_id: 2 }] }),
    );
    const annotated = await opened(path.join(root, 'val.json'), { evaluation: true });
    assert.deepEqual([annotated.train, annotated.test, annotated.classNames], [0, 1, ['A', 'B']]);
  });

  test('the index of many files stores how they were opened', async (t) => {
    const [root, cacheDir] = [temporaryFolder(t), temporaryFolder(t)];
    await writeTree(root, { train: { a: 2, b: 1 }, test: { a: 1 }, val: { a: 1, b: 1 } });
    movedClock(t).pass(60_000);
    const common = { cacheDir, checkFiles: 'headers' } as const;
    for (let start = 0; start < 2; start++) {
      assert.equal((await opened(root, common)).test, 1);
      assert.equal((await opened(root, { ...common, testSplit: 'val' })).test, 2);
      const alone = await opened(path.join(root, 'val'), { ...common, evaluation: true });
      assert.deepEqual([alone.train, alone.test], [0, 2]);
      assert.equal((await opened(path.join(root, 'val'), common)).test, undefined);
    }
  });
});

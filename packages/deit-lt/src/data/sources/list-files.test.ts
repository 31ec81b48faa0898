import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { writeImage } from '../../../test/helpers/images.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { openDataset } from '../open.js';

async function imagesAndList(t: TestContext, lists: Record<string, string>): Promise<string> {
  const root = temporaryFolder(t);
  for (const name of ['a.png', 'b.png', 'c d.png', 'sub/e.png']) await writeImage(path.join(root, name), [1, 2, 3]);
  for (const [name, text] of Object.entries(lists)) write(path.join(root, name), text);
  return root;
}

suite('list files', () => {
  test('lines are "path label"; comments, empty lines and Windows line ends are allowed', async (t) => {
    const train = '\uFEFF# a comment\r\na.png 1\r\n\r\nc d.png 0\r\n  sub/e.png\t1  \r\n';
    const root = await imagesAndList(t, { 'train.txt': train });
    const dataset = await openDataset(path.join(root, 'train.txt'));
    assert.deepEqual([...dataset.train.labels], [1, 0, 1]);
    assert.equal(dataset.train.images.nameOf(1), path.join(root, 'c d.png'));
    assert.deepEqual([dataset.classNames, dataset.test], [['0', '1'], undefined]);
  });

  test('the list of test images lies beside, or follows a comma', async (t) => {
    const lists = {
      'X_train.txt': 'a.png 0\nb.png 1\n',
      'X_val.txt': 'c d.png 1\n',
      'other.txt': 'a.png 1\na.png 0\n',
    };
    const root = await imagesAndList(t, lists);
    const train = path.join(root, 'X_train.txt');
    assert.deepEqual([...(await openDataset(train)).test!.labels], [1]);
    assert.deepEqual([...(await openDataset(`${train},${path.join(root, 'other.txt')}`)).test!.labels], [1, 0]);
    await assert.rejects(openDataset(`${train},${root}/absent.txt`), {
      code: 'DATA_NOT_FOUND',
      message: /absent\.txt/,
    });
  });

  test('root is the folder of the images', async (t) => {
    const root = await imagesAndList(t, {});
    const list = path.join(temporaryFolder(t), 'train.txt');
    write(list, 'a.png 0\nb.png 1\n');
    await assert.rejects(openDataset(list), { code: 'DATA_NOT_FOUND', message: /give their folder with --root/ });
    assert.equal((await openDataset(list, { root })).train.labels.length, 2);
  });

  test('labels may be names, in sorted order or in that of classes.txt', async (t) => {
    const root = await imagesAndList(t, { 'train.txt': 'a.png owl\nb.png fox\n' });
    const list = path.join(root, 'train.txt');
    const sorted = await openDataset(list);
    assert.deepEqual(
      [sorted.classNames, [...sorted.train.labels]],
      [
        ['fox', 'owl'],
        [1, 0],
      ],
    );
    write(path.join(root, 'classes.txt'), 'owl\nfox\n');
    const given = await openDataset(list);
    assert.deepEqual(
      [given.classNames, [...given.train.labels]],
      [
        ['owl', 'fox'],
        [0, 1],
      ],
    );
    write(list, 'a.png owl\nb.png fxo\n');
    await assert.rejects(openDataset(list), {
      code: 'DATA_CLASSES',
      message: /line 2: class "fxo".*did you mean "fox"/,
    });
  });

  test('classes.txt names numbered classes', async (t) => {
    const root = await imagesAndList(t, { 'train.txt': 'a.png 0\nb.png 1\n', 'classes.txt': 'house cat\ndog\n' });
    assert.deepEqual((await openDataset(path.join(root, 'train.txt'))).classNames, ['house cat', 'dog']);
  });

  test('a tab separates path and label, both of which may have spaces', async (t) => {
    const train = 'a.png\tgolden retriever\nc d.png\tcat\nsub/e.png \t  golden retriever \nb.png\tcat\n';
    const root = await imagesAndList(t, { 'train.txt': train });
    const { classNames, train: split } = await openDataset(path.join(root, 'train.txt'));
    assert.deepEqual(classNames, ['cat', 'golden retriever']);
    assert.deepEqual([...split.labels], [1, 0, 1, 0]);
    assert.equal(split.images.nameOf(1), path.join(root, 'c d.png'));
  });

  test('a label after the name of an image may have spaces, too', async (t) => {
    const train = 'a.png golden retriever\nc d.png cat\nb.png 7 spotted  ladybird\n';
    const root = await imagesAndList(t, { 'train.txt': train });
    const { classNames, train: split } = await openDataset(path.join(root, 'train.txt'));
    assert.deepEqual(classNames, ['7 spotted  ladybird', 'cat', 'golden retriever']);
    assert.deepEqual([...split.labels], [2, 1, 0]);
  });

  test('UTF-16 is read, lists and names of classes', async (t) => {
    const root = await imagesAndList(t, {});
    write(path.join(root, 'train.txt'), Buffer.from('\uFEFFa.png 0\r\nc d.png 1\r\n', 'utf16le'));
    write(path.join(root, 'classes.txt'), Buffer.from('\uFEFFÄpfel\r\n梨\r\n', 'utf16le').swap16());
    const { classNames, train } = await openDataset(path.join(root, 'train.txt'));
    assert.deepEqual(
      [classNames, [...train.labels]],
      [
        ['Äpfel', '梨'],
        [0, 1],
      ],
    );
  });

  test('refuses lines, labels and gaps that make no sense, naming the line', async (t) => {
    const cases: [string, RegExp][] = [
      ['a.png 0\nb.png\n', /line 2: expected "path label", got "b\.png"/],
      ['a.png 0\nb.png 1\nb.png -1\n', /line 3: label -1 .*(count|numbered) from 0/],
      ['a.png 1\nb.png 2\n', /no training images of class 0; labels count from 0, not from 1/],
      ['a.png 0\nb.png 2\nb.png 3\n', /no training images of class 1$/],
      ['a.png 0\nb.png 99999999\n', /label 99999999 in 2 lines/],
      ['# nothing\n', /contains no images/],
      [`a.png 0\n${'x'.repeat(5000)}.png 1\n`, /line 2: a path of 5004 characters, "x{60}…"/],
      [`a.png ${'y'.repeat(1001)}\n`, /line 1: a class name of 1001 characters, "y{60}…"/],
      [
        'a.png,0\n',
        /line 1: expected "path label", got "a\.png,0"; put a space or a tab before the label, not a comma/,
      ],
    ];
    for (const [text, message] of cases) {
      const root = await imagesAndList(t, { 'train.txt': text });
      await assert.rejects(openDataset(path.join(root, 'train.txt')), { name: 'UserError', message });
    }
  });

  test('a missing image is named as one that cannot be read', async (t) => {
    const root = await imagesAndList(t, { 'train.txt': 'a.png 0\nb.png 1\nabsent.png 1\n' });
    const list = path.join(root, 'train.txt');
    await assert.rejects(openDataset(list), { code: 'DATA_BAD_FILES', message: /absent\.png does not exist/ });
    assert.equal((await openDataset(list, { skipBad: true })).train.labels.length, 2);
  });
});

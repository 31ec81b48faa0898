import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { writeImage } from '../../../test/helpers/images.js';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { openDataset } from '../open.js';

/** Annotations in the form of iNaturalist-2018; ids are not in the order of the list. */
const trainJson = {
  info: { description: 'a [list] of "images": {', year: 2018 },
  images: [
    { license: 3, file_name: 'train_val/Aves/7/a.png', id: 12, width: 8, height: 6 },
    { file_name: 'train_val/Aves/7/b.png', id: 11 },
    { file_name: 'train_val/Fungi/2/ü "c".png', id: 30 },
  ],
  licenses: [{ id: 1, name: 'x' }],
  annotations: [
    { id: 1, image_id: 30, category_id: 2 },
    { id: 2, image_id: 11, category_id: 7 },
    { id: 3, image_id: 12, category_id: 7 },
  ],
  categories: [
    { id: 7, name: 'Parus major', supercategory: 'Aves' },
    { id: 2, name: 'Amanita muscaria', supercategory: 'Fungi' },
  ],
};
const valJson = {
  annotations: [{ image_id: 1, category_id: 2 }],
  images: [{ file_name: 'train_val/Fungi/2/d.png', id: 1 }],
  categories: trainJson.categories,
};

async function folderWith(t: TestContext, files: Record<string, unknown>): Promise<string> {
  const root = temporaryFolder(t);
  const images = [...trainJson.images, ...valJson.images];
  for (const { file_name } of images) await writeImage(path.join(root, file_name), [1, 2, 3]);
  for (const [name, content] of Object.entries(files))
    write(path.join(root, name), typeof content === 'string' ? content : JSON.stringify(content));
  return root;
}

suite('annotations', () => {
  test('labels are the categories by their ids, with their names', async (t) => {
    const root = await folderWith(t, { 'train2018.json': trainJson, 'val2018.json': valJson });
    const { classNames, train, test: held } = await openDataset(path.join(root, 'train2018.json'));
    assert.deepEqual(classNames, ['Amanita muscaria', 'Parus major']);
    assert.deepEqual([...train.labels], [1, 1, 0]);
    assert.equal(train.images.nameOf(2), path.join(root, 'train_val/Fungi/2/ü "c".png'));
    assert.deepEqual([[...held!.labels], held!.images.nameOf(0)], [[0], path.join(root, 'train_val/Fungi/2/d.png')]);
  });

  test('both files can be given, and the root of their paths', async (t) => {
    const root = await folderWith(t, {});
    const elsewhere = temporaryFolder(t);
    write(path.join(elsewhere, 'a.json'), JSON.stringify(trainJson, null, 2));
    write(path.join(elsewhere, 'b.json'), JSON.stringify(valJson));
    const spec = `${path.join(elsewhere, 'a.json')},${path.join(elsewhere, 'b.json')}`;
    assert.equal((await openDataset(spec, { root })).test?.labels.length, 1);
    await assert.rejects(openDataset(spec), { code: 'DATA_NOT_FOUND', message: /--root/ });
  });

  test('white space may stand before and after, and UTF-16 is read', async (t) => {
    const root = await folderWith(t, {});
    const text = JSON.stringify(trainJson, null, 2);
    const forms: [string, string | Buffer][] = [
      ['100 spaces', `${' '.repeat(100)}${text}`],
      ['more white space than is read at once', `${' \n\t\r'.repeat(300_000)}${text}\n\n  `],
      ['a mark of byte order and white space', `\uFEFF\n\n${' '.repeat(80)}${text}`],
      ['UTF-16', Buffer.from(`\uFEFF  ${text}`, 'utf16le')],
      ['UTF-16 of big endian, without a mark', Buffer.from(text, 'utf16le').swap16()],
    ];
    for (const [form, content] of forms) {
      write(path.join(root, 'train.json'), content);
      const { train } = await openDataset(path.join(root, 'train.json'), { check: false });
      assert.deepEqual([...train.labels], [1, 1, 0], form);
    }
  });

  test('names that several categories have get their ids', async (t) => {
    const categories = trainJson.categories.map((category) => ({ ...category, name: 'moth' }));
    const root = await folderWith(t, { 'train.json': { ...trainJson, categories } });
    assert.deepEqual((await openDataset(path.join(root, 'train.json'))).classNames, ['moth (2)', 'moth (7)']);
  });

  test('refuses what is not right, naming it', async (t) => {
    const [first, ...others] = trainJson.annotations;
    const cases: [unknown, RegExp][] = [
      ['[]', /expected \{"images"/],
      [JSON.stringify(trainJson).slice(0, 400), /train\.json cannot be read as annotations: it is cut off/],
      [{ ...trainJson, images: [] }, /contains no images/],
      [{ ...trainJson, categories: [] }, /has no categories/],
      [{ ...trainJson, images: [{ id: 1 }] }, /"images" has no file_name: \{"id":1\}/],
      [{ ...trainJson, annotations: others }, /c"\.png has no annotation/],
      [{ ...trainJson, annotations: [...trainJson.annotations, { ...first, category_id: 7 }] }, /several categories/],
      [{ ...trainJson, annotations: [{ ...first, category_id: 9 }] }, /category 9 of .* is not a category of/],
      [
        { ...trainJson, categories: [...trainJson.categories, { id: 8, name: 'Owl' }] },
        /no training images of class Owl/,
      ],
      [`{"images": [{"id": 1, file_name: "x"}]}`, /is not JSON/],
      ['', /it is cut off/],
      ['   \n', /it is cut off/],
      [`${JSON.stringify(trainJson)}}`, /there is text after its last bracket/],
      [JSON.stringify(trainJson).replace(/\](?=[^\]]*$)/, '}'), /brackets do not match/],
      [{ ...trainJson, images: [{ id: 1, file_name: 'a\0.png' }] }, /the path "a\\u0000\.png" has a zero byte/],
      [
        { ...trainJson, categories: [trainJson.categories[0], trainJson.categories[0]] },
        /two categories have the id 7/,
      ],
      [{ ...trainJson, categories: [{ id: 7, name: {} }] }, /"categories" has no name/],
    ];
    for (const [content, message] of cases) {
      const root = await folderWith(t, { 'train.json': content });
      await assert.rejects(openDataset(path.join(root, 'train.json')), { name: 'UserError', message });
    }
    const latin = await folderWith(t, {});
    write(path.join(latin, 'train.json'), Buffer.from(JSON.stringify(trainJson), 'latin1'));
    await assert.rejects(openDataset(path.join(latin, 'train.json')), { message: /ü?\\xFC.* is not UTF-8/ });
  });

  test('reads objects that are cut by the ends of its chunks', async (t) => {
    const root = await folderWith(t, {});
    const filler = (i: number) => ({ id: 100 + i, file_name: 'train_val/Aves/7/a.png', note: '}"\\'.repeat(50) });
    const images = [...trainJson.images, ...Array.from({ length: 6000 }, (_, i) => filler(i))];
    const annotations = images.map(({ id }) => ({ image_id: id, category_id: id === 30 ? 2 : 7 }));
    const text = JSON.stringify({ ...trainJson, images, annotations });
    assert.ok(text.length > 2 ** 20);
    write(path.join(root, 'train.json'), text);
    const { train } = await openDataset(path.join(root, 'train.json'), { check: false });
    assert.equal(train.labels.length, 6003);
    assert.equal(
      train.labels.reduce((a, b) => a + b),
      6002,
    );
  });
});

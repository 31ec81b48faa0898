import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { subset } from './dataset.js';
import { choosePaths, type PackedPaths, packPaths } from './file-paths.js';
import { fileSplit } from './file-split.js';

const files = ['/data/ä/1.jpg', '/data/b/2 3.jpg', '/data/ä/日本.png', '/4.jpg'];
const all = (paths: { length: number; get(i: number): string }): string[] =>
  Array.from({ length: paths.length }, (_, i) => paths.get(i));

suite('packPaths()', () => {
  test('gives back every path, and keeps each folder once', () => {
    const paths = packPaths(files);
    assert.deepEqual(all(paths), files);
    assert.deepEqual(paths.parts.folders, ['/data/ä/', '/data/b/', '/']);
    assert.equal(paths.nameIn(2), '日本.png');
  });

  test('makes paths absolute', () => {
    assert.equal(packPaths(['x/../y/z.jpg']).get(0), path.resolve('y/z.jpg'));
  });

  test('needs some bytes for a path, wherever the growing ends', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `/images/train/class-${i % 10}/${i}é.jpg`);
    const { names, ends, folderOf, folders } = packPaths(many).parts;
    assert.deepEqual(all(packPaths(many)), many);
    assert.equal(folders.length, 10);
    assert.ok(names.byteLength + ends.byteLength + folderOf.byteLength < 20 * many.length);
  });
});

suite('choosePaths()', () => {
  test('chooses from a choice without a chain', () => {
    const once = choosePaths(packPaths(files), Int32Array.of(3, 1, 0));
    const twice = choosePaths(once, Int32Array.of(2, 0)) as ReturnType<typeof choosePaths> & { from: PackedPaths };
    assert.deepEqual(all(twice), [files[0], files[3]]);
    assert.ok('parts' in twice.from);
  });
});

test('subset() of files takes their labels and sizes along', () => {
  const split = fileSplit(files, [7, 8, 9, 6], Int32Array.of(1, 2, 3, 4, 5, 6, 0, 0));
  const { images, labels } = subset(subset(split, Int32Array.of(2, 3, 0)), Int32Array.of(0, 2));
  assert.deepEqual([...labels], [9, 7]);
  assert.equal(images.nameOf(1), files[0]);
  assert.deepEqual(images.kind === 'files' && [...images.sizes!], [5, 6, 1, 2]);
});

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { writeImage } from '../../test/helpers/images.js';
import { temporaryFolder } from '../../test/helpers/temporary-folder.js';
import type { Dataset, ImageSplit } from './dataset.js';
import { findDuplicates } from './duplicates.js';
import { fileSplit } from './file-split.js';
import { materialize } from './image-files.js';

/** Images of one pixel, each grey of the given value. */
function inMemory(values: readonly number[], labels: readonly number[]): ImageSplit {
  const pixels = Uint8Array.from(values.flatMap((v) => [v, v, v]));
  const nameOf = (i: number): string => `#${i}`;
  const images = { kind: 'memory', length: values.length, width: 1, height: 1, pixels, nameOf } as const;
  return { images, labels: Int32Array.from(labels) };
}

suite('findDuplicates()', () => {
  test('finds images in both splits and within training', async () => {
    const train = inMemory([1, 2, 1, 3], [0, 0, 1, 1]);
    const dataset: Dataset = { name: 'x', classNames: ['a', 'b'], train, test: inMemory([3, 9, 9], [1, 0, 0]) };
    const found = await findDuplicates(dataset);
    assert.deepEqual([found.testInTrain, found.withinTrain, found.conflicting], [1, 1, 1]);
    assert.deepEqual(
      found.groups.map((group) => group.map(({ split, index }) => `${split}${index}`).join(' ')),
      ['train0 train2', 'train3 test0', 'test1 test2'],
    );
    assert.deepEqual(found.groups[0]![1], { split: 'train', index: 2, label: 1, name: '#2' });
  });

  test('compares files by their bytes, and with images in memory by their pixels', async (t) => {
    const folder = temporaryFolder(t);
    const files = ['a.png', 'copy.png', 'other.png'].map((name) => path.join(folder, name));
    await writeImage(files[0]!, [1, 2, 3]);
    fs.copyFileSync(files[0]!, files[1]!);
    await writeImage(files[2]!, [1, 2, 4]);
    const train = fileSplit(files, [0, 0, 0]);
    const test = fileSplit([files[1]!], [0]);
    const asFiles = await findDuplicates({ name: 'x', classNames: ['a'], train, test });
    const mixed = await findDuplicates({ name: 'x', classNames: ['a'], train: await materialize(train), test });
    for (const found of [asFiles, mixed]) {
      assert.deepEqual(
        found.groups.map((group) => group.map(({ name }) => path.basename(name))),
        [['a.png', 'copy.png', 'copy.png']],
      );
      assert.deepEqual([found.testInTrain, found.withinTrain, found.conflicting], [1, 1, 0]);
    }
  });
});

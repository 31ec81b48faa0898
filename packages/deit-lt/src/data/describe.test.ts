import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { writeImage } from '../../test/helpers/images.js';
import { temporaryFolder } from '../../test/helpers/temporary-folder.js';
import { describeDataset, gini, imbalanceRatio } from './describe.js';
import { fileSplit } from './file-split.js';

suite('gini()', () => {
  test('is 0 for equal counts and (C − 1)/C when one class has all', () => {
    assert.equal(gini([5, 5, 5, 5]), 0);
    assert.equal(gini([0, 0, 0, 8]), 0.75);
    assert.equal(gini([]), 0);
  });

  test('does not depend on the order, and equals the mean difference by twice the mean', () => {
    const counts = [500, 3, 40, 10, 7];
    const mean = counts.reduce((a, b) => a + b) / counts.length;
    const differences = counts.flatMap((a) => counts.map((b) => Math.abs(a - b)));
    const expected = differences.reduce((a, b) => a + b) / counts.length ** 2 / (2 * mean);
    assert.ok(Math.abs(gini(counts) - expected) < 1e-12);
    assert.equal(gini(counts.toReversed()), gini(counts));
  });
});

suite('imbalanceRatio()', () => {
  test('is the largest count by the smallest that is not 0', () => {
    assert.equal(imbalanceRatio([500, 0, 5]), 100);
    assert.equal(imbalanceRatio([]), 1);
  });
});

suite('describeDataset()', () => {
  test('counts images of each class and their sizes', async (t) => {
    const folder = temporaryFolder(t);
    const sizes = [
      [4, 10],
      [8, 20],
      [6, 60],
    ] as const;
    const files = sizes.map((_, i) => path.join(folder, `${i}.png`));
    for (const [i, [width, height]] of sizes.entries()) await writeImage(files[i]!, [1, 2, 3], width, height);
    const description = await describeDataset({
      name: 'x',
      classNames: ['a', 'b'],
      train: fileSplit(files, [0, 0, 1]),
      test: fileSplit(files.slice(0, 1), [1]),
    });
    assert.deepEqual(description, {
      name: 'x',
      classes: [
        { name: 'a', train: 2, test: 0 },
        { name: 'b', train: 1, test: 1 },
      ],
      trainImages: 3,
      testImages: 1,
      imbalanceRatio: 2,
      gini: gini([2, 1]),
      imageSizes: { width: { min: 4, median: 6, max: 8 }, height: { min: 10, median: 20, max: 60 }, looked: 3 },
      kind: 'files',
    });
  });
});

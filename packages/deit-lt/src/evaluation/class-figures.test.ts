/** The definition of accuracies, on classes of which no two have as many images. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { numbered } from '../../test/helpers/by-class.js';
import { byClass } from '../by-class.js';
import {
  accuraciesOf,
  accuracyNames,
  type ClassTallies,
  classShares,
  fewImagesOf,
  figuresOf,
  talliesIn,
  talliesOf,
} from './class-figures.js';
import { accuracyCells, accuracyLine, fewWarning } from './figure-text.js';

const groups = numbered(['head', 'head', 'mid', 'tail', 'tail'] as const);
/** Head: 80 of 100 and 10 of 50, so 50 % by classes and 60 % by images. */
const tallies: ClassTallies = { images: numbered([100, 50, 40, 4, 1]), hits: numbered([80, 10, 30, 1, 1]) };

suite('figuresOf()', () => {
  test('has overall over images, and balanced, head, mid and tail over classes', () => {
    const { balanced, overall, head, mid, tail, perClass, images } = figuresOf(tallies, groups);
    assert.deepEqual(
      { balanced, head, mid, tail, images },
      { balanced: 60, head: 50, mid: 75, tail: 62.5, images: 195 },
    );
    assert.equal(overall, (100 * 122) / 195);
    assert.deepEqual(perClass, [80, 20, 75, 25, 100]);
  });

  test('leaves classes without images out, and has null for a group of only such', () => {
    const gone = { images: numbered([100, 50, 0, 4, 0]), hits: numbered([80, 10, 0, 1, 0]) };
    const { balanced, mid, tail, few, intervals } = figuresOf(gone, groups);
    assert.deepEqual([balanced, mid, tail, intervals!.mid], [(80 + 20 + 25) / 3, null, 25, null]);
    assert.deepEqual(few, { classes: 1, fewest: 4, without: 2, of: 5 });
  });

  test('has every figure as the weighted sum of the classes’ accuracies, inside of its interval', () => {
    const figures = figuresOf(tallies, groups);
    for (const name of accuracyNames) {
      const shares = classShares(name, tallies.images, groups)!;
      const sum = shares.reduce((total, share, c) => total + share * figures.perClass[c]!, 0);
      assert.ok(Math.abs(sum - figures[name]!) < 1e-9, name);
      const { low, high } = figures.intervals![name]!;
      assert.ok(low < sum && sum < high, `${name}: ${low} … ${high}`);
    }
  });

  test('refuses groups or hits in another order of classes', () => {
    const others = byClass(['class 1', 'class 0', 'class 2', 'class 3', 'class 4'], groups);
    assert.throws(() => figuresOf(tallies, others), /internal: images and groups .*"class 0" and "class 1"/);
    const hits = byClass(others.classNames, tallies.hits);
    assert.throws(() => accuraciesOf({ ...tallies, hits }, groups), /internal: hits and images/);
  });

  test('can be counted back into hits', () => {
    const { perClass, imagesPerClass } = figuresOf(tallies, groups);
    assert.deepEqual(talliesIn({ perClass, imagesPerClass: imagesPerClass! }, groups.classNames), tallies);
    assert.equal(talliesIn({ perClass }, groups.classNames), undefined);
  });
});

suite('talliesOf()', () => {
  test('counts images and right predictions of each class', () => {
    const labels = { labels: Int32Array.of(0, 2, 2, 0), classNames: ['a', 'b', 'c'] };
    const { images, hits } = talliesOf(labels, [0, 2, 1, 1]);
    assert.deepEqual(
      [images, hits],
      [
        [2, 0, 2],
        [1, 0, 1],
      ],
    );
    assert.throws(() => talliesOf(labels, [0]), /internal: 1 predictions of 4 images/);
  });
});

suite('fewWarning()', () => {
  test('names how many classes have few images, and the fewest', () => {
    assert.equal(
      fewWarning(fewImagesOf([100, 19, 20, 3, 0])),
      'Warning: 2 of 5 classes have fewer than 20 test images (the fewest: 3), so the accuracies are uncertain (95 % intervals in brackets); 1 of 5 classes has no test images and is left out.',
    );
    assert.equal(fewWarning(fewImagesOf([20, 30])), undefined);
  });
});

suite('accuracyCells()', () => {
  test('has intervals only where classes have few images', () => {
    const { few, ...enough } = figuresOf(tallies, groups);
    assert.deepEqual(accuracyCells(enough), ['60.0', '62.6', '50.0', '75.0', '62.5']);
    for (const cell of accuracyCells({ ...enough, few: few! })) assert.match(cell, /^\d\d\.\d \[\d\d\.\d, \d\d\.\d\]$/);
    assert.match(
      accuracyLine({ ...enough, few: few! }),
      /^balanced 60\.0 \[.*\], overall 62\.6 \(head 50\.0, mid 75\.0, tail 62\.5\)$/,
    );
  });
});

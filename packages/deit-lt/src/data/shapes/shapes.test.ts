import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { classCounts } from '../dataset.js';
import { drawShapes, shapeNames } from './index.js';
import { outlines } from './outlines.js';

const sha256 = (pixels: Uint8Array): string => createHash('sha256').update(pixels).digest('hex').slice(0, 16);

suite('drawShapes()', () => {
  const small = drawShapes({ trainPerClass: 20, testPerClass: 5 });

  test('draws balanced splits of 32 × 32 images', () => {
    assert.deepEqual(small.classNames, shapeNames);
    assert.deepEqual([...classCounts(small.train.labels, 10)], new Array(10).fill(20));
    assert.ok(small.train.images.kind === 'memory' && small.test?.images.kind === 'memory');
    assert.equal(small.train.images.pixels.length, 200 * 32 * 32 * 3);
    assert.equal(small.test.images.length, 50);
    assert.match(small.train.images.nameOf(13), /shapes train #13 \(cross\)/);
  });

  test('draws the same images in every version: results are compared on them', () => {
    assert.ok(small.train.images.kind === 'memory');
    assert.equal(sha256(small.train.images.pixels), 'df87f75d7fb7ac8e');
  });

  test('draws other images for another seed, split and index, the same for any number', () => {
    const other = drawShapes({ seed: 1, trainPerClass: 20, testPerClass: 5 });
    const fewer = drawShapes({ trainPerClass: 5, testPerClass: 20 });
    const all = [small, other].flatMap(({ train, test }) => [train, test!]);
    const each = all.flatMap(({ images }) =>
      Array.from({ length: images.length }, (_, i) =>
        images.kind === 'memory' ? sha256(images.pixels.subarray(i * 3072, (i + 1) * 3072)) : '',
      ),
    );
    assert.equal(new Set(each).size, each.length);
    assert.ok(fewer.train.images.kind === 'memory' && small.train.images.kind === 'memory');
    assert.deepEqual(fewer.train.images.pixels, small.train.images.pixels.subarray(0, 50 * 3072));
  });

  test('draws other sizes', () => {
    const { train } = drawShapes({ trainPerClass: 1, testPerClass: 0, size: 48 });
    assert.ok(train.images.kind === 'memory');
    assert.equal(train.images.pixels.length, 10 * 48 * 48 * 3);
  });

  test('tells classes neither by mean colour nor by contrast', () => {
    const { train } = drawShapes({ trainPerClass: 150, testPerClass: 0 });
    assert.ok(train.images.kind === 'memory');
    const { pixels } = train.images;
    const means = new Float64Array(10);
    train.labels.forEach((label, i) => {
      for (let j = i * 3072; j < (i + 1) * 3072; j++) means[label]! += pixels[j]! / (150 * 3072);
    });
    assert.ok(Math.max(...means) - Math.min(...means) < 16, `mean levels ${[...means].map(Math.round)}`);
  });
});

suite('outlines', () => {
  for (const [name, outline] of Object.entries(outlines))
    test(`the ${name} lies in the circle of radius 1.2 and covers 10 to 70 % of it`, () => {
      let inside = 0;
      let total = 0;
      for (let x = -2; x <= 2; x += 0.02)
        for (let y = -2; y <= 2; y += 0.02) {
          const near = Math.sqrt(x * x + y * y) < 1.2;
          if (near) total++;
          if (outline(x, y) >= 0) continue;
          assert.ok(near, `(${x}, ${y}) is inside`);
          inside++;
        }
      assert.ok(inside / total > 0.1 && inside / total < 0.7, `${inside / total}`);
    });
});

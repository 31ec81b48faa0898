import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite, test } from 'node:test';
import { stream } from '../../random/stream.js';
import { classCounts, type Images, type MemoryImages, subset } from '../dataset.js';
import { drawHabit } from './habits.js';
import { drawShapes, shapeNames } from './index.js';
import { outlineReach, outlines } from './outlines.js';

const sha256 = (pixels: Uint8Array): string => createHash('sha256').update(pixels).digest('hex').slice(0, 16);

function inMemory(images: Images): MemoryImages {
  assert.ok(images.kind === 'memory');
  return images;
}

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
    assert.equal(sha256(small.train.images.pixels), '3b5bae0602e73ec4');
    assert.equal(sha256(inMemory(drawShapes().test!.images).pixels), '94f66783c31a0b80');
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

  test('gives in a subset the pixels and names of the whole set, drawn before or not', () => {
    const ids = Int32Array.from([7, 3, 3, 150]);
    const twice = Int32Array.from([3, 0]);
    const chosen = subset(subset(drawShapes({ trainPerClass: 20, testPerClass: 5 }).train, ids), twice);
    const { pixels, nameOf } = inMemory(small.train.images);
    const copied = subset(subset(small.train, ids), twice);
    for (const { images, labels } of [chosen, copied]) {
      assert.deepEqual([...labels], [0, 7]);
      assert.deepEqual([images.nameOf(0), images.nameOf(1)], [nameOf(150), nameOf(7)]);
      const expected = Buffer.concat([150, 7].map((id) => pixels.subarray(id * 3072, (id + 1) * 3072)));
      assert.equal(sha256(inMemory(images).pixels), sha256(expected));
    }
  });

  test('gives in a subset of a copy what was changed in the copy', () => {
    const { images, labels } = drawShapes({ trainPerClass: 1, testPerClass: 0 }).train;
    const copy = { ...inMemory(images), nameOf: String, pixels: new Uint8Array(10 * 3072).fill(7) };
    const chosen = inMemory(subset({ images: copy, labels }, Int32Array.from([4])).images);
    assert.deepEqual([chosen.nameOf(0), chosen.pixels.every((level) => level === 7)], ['4', true]);
  });

  test('draws the images of a subset alone, and those only when they are read', () => {
    const most = { trainPerClass: 300_000, testPerClass: 300_000 }; // more than the memory holds: 18 GB
    const { images } = subset(drawShapes(most).train, Int32Array.from([2_999_999]));
    assert.match(images.nameOf(0), /^shapes train #2999999 \(bowtie\)$/);
    assert.equal(inMemory(images).pixels.length, 3072);
  });

  test('draws other sizes', () => {
    const { train } = drawShapes({ trainPerClass: 1, testPerClass: 0, size: 48 });
    assert.ok(train.images.kind === 'memory');
    assert.equal(train.images.pixels.length, 10 * 48 * 48 * 3);
  });

  test('gives no class away by its brightness', () => {
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

suite('drawHabit()', () => {
  /** Numbers of pictures with each kind of ground and material, of 2,000 pictures of each class. */
  const counts = shapeNames.map((shape, c) => {
    const cells = new Array<number>(20).fill(0);
    for (let i = 0; i < 2000; i++) {
      const { groundHue, shapeHue, shapePattern } = drawHabit(shape, stream(0, 'draw', c, i));
      assert.equal(Math.floor(shapeHue * 4), shapePattern);
      cells[4 * Math.floor(groundHue * 5) + shapePattern]!++;
    }
    return cells;
  });

  test('names 42 % of balanced images at best to one who knows nothing else', () => {
    const best = counts[0]!.map((_, cell) => Math.max(...counts.map((cells) => cells[cell]!)));
    const share = best.reduce((a, b) => a + b) / 20000;
    assert.ok(Math.abs(share - 0.42) < 0.02, `${share}`);
  });

  test('gives classes c and c + 5 the same usual ground', () => {
    const grounds = counts.map((cells) =>
      [0, 4, 8, 12, 16].map((at) => cells.slice(at, at + 4).reduce((a, b) => a + b)),
    );
    grounds.forEach((ground, c) => {
      assert.equal(ground.indexOf(Math.max(...ground)), c % 5);
    });
  });
});

suite('outlines', () => {
  for (const [name, outline] of Object.entries(outlines))
    test(`the ${name} lies in the circle of radius ${outlineReach} and covers 10 to 70 % of it`, () => {
      let inside = 0;
      let total = 0;
      for (let x = -2; x <= 2; x += 0.02)
        for (let y = -2; y <= 2; y += 0.02) {
          const near = Math.sqrt(x * x + y * y) < outlineReach;
          if (near) total++;
          if (outline(x, y) >= 0) continue;
          assert.ok(near, `(${x}, ${y}) is inside`);
          inside++;
        }
      assert.ok(inside / total > 0.1 && inside / total < 0.7, `${inside / total}`);
    });
});

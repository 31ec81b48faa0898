import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stream } from '../../random/stream.js';
import { factorFor, factorOf, shrunk } from './shrink.js';

const window = { x: 0, y: 0, width: 640, height: 640, flip: false };

suite('factorFor()', () => {
  test('leaves a shorter side of at least 3.3 times the input, and is 1 for images that are not large', () => {
    const sides = [32, 211, 212, 422, 423, 3200].map((side) => factorFor({ width: side, height: 2 * side }, 32));
    assert.deepEqual(sides, [1, 1, 2, 2, 4, 16]);
  });
});

suite('factorOf()', () => {
  const image = { width: 640, height: 640 };
  const cut = { window, size: 32, filter: 'bicubic' } as const;

  test('is 1 for a window that would not shrink by 2 any more, and for the filter that weighs no pixels', () => {
    const small = { ...window, width: 255, height: 255 };
    assert.equal(factorOf(image, [cut]), 4);
    assert.equal(factorOf(image, [cut, { ...cut, window: { ...window, width: 256 } }]), 4);
    assert.equal(factorOf(image, [cut, { ...cut, window: small }]), 1);
    assert.equal(factorOf(image, [{ ...cut, filter: 'nearest' }]), 1);
  });

  test('is the least of several inputs', () => {
    assert.equal(factorOf(image, [cut, { ...cut, size: 64 }]), 2);
  });
});

suite('shrunk()', () => {
  test('is the mean of each square, also where it is cut off at the edge', () => {
    const [width, height, factor] = [11, 7, 4];
    const random = stream(0, 'draw');
    const pixels = new Uint8Array(width * height * 3).map(() => random.int(256));
    const small = shrunk({ width, height, pixels }, factor);
    assert.deepEqual([small.width, small.height], [3, 2]);
    for (let y = 0; y < 2; y++)
      for (let x = 0; x < 3; x++)
        for (let c = 0; c < 3; c++) {
          const levels: number[] = [];
          for (let i = y * factor; i < Math.min(height, (y + 1) * factor); i++)
            for (let j = x * factor; j < Math.min(width, (x + 1) * factor); j++)
              levels.push(pixels[(i * width + j) * 3 + c]!);
          const mean = Math.round(levels.reduce((sum, level) => sum + level, 0) / levels.length);
          assert.equal(small.pixels[(y * 3 + x) * 3 + c], mean);
        }
  });
});

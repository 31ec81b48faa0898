import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stream } from '../../random/stream.js';
import type { Filter } from '../decode/window.js';
import { resampleImage, tapsOfWindow } from './resample-image.js';
import { resampleFast } from './resample-wasm.js';

const filters: readonly Filter[] = ['nearest', 'bilinear', 'bicubic'];
const sizes = [1, 2, 5, 31, 32, 96, 224];

suite('resampleFast()', () => {
  test('gives the same bytes as resampleImage() for windows inside and outside of the image', () => {
    for (let number = 0; number < 120; number++) {
      const random = stream(3, 'draw', 0, number);
      const [width, height] = [1 + random.int(90), 1 + random.int(90)];
      // Extremes often: sums that leave the range of levels must be cut off.
      const level = () => (random.chance(0.5) ? 255 * random.int(2) : random.int(256));
      const pixels = Uint8Array.from({ length: width * height * 3 }, level);
      const window = {
        x: random.int(width + 8) - 8,
        y: random.int(height + 8) - 8,
        width: 1 + random.int(width),
        height: 1 + random.int(height),
        flip: random.chance(0.5),
        flipVertical: random.chance(0.5),
        reflect: random.chance(0.3),
        seesAround: random.chance(0.3),
      };
      const [size, filter] = [sizes[random.int(sizes.length)]!, filters[random.int(3)]!];
      const image = { width, height, pixels };
      const fast = new Uint8Array(size * size * 3);
      resampleFast(image, tapsOfWindow(window, image, size, filter), fast);
      const expected = resampleImage(image, window, size, filter);
      assert.deepEqual(fast, expected, `${width}×${height} ${JSON.stringify(window)} ${filter} to ${size}`);
    }
  });

  test('is black where the window lies outside of the image', () => {
    const image = { width: 3, height: 3, pixels: new Uint8Array(27).fill(200) };
    const window = { x: 5, y: 5, width: 4, height: 4, flip: false };
    const target = new Uint8Array(48).fill(7);
    resampleFast(image, tapsOfWindow(window, image, 4, 'bicubic'), target);
    assert.deepEqual(target, new Uint8Array(48));
  });
});

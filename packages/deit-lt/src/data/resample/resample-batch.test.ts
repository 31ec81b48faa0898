/** The two ways to resize give the same; what Pillow gives is compared in test/resample-golden.test.ts. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { stream } from '../../random/stream.js';
import { Upload } from '../../upload.js';
import type { MemoryImages } from '../dataset.js';
import type { Filter, Window } from '../decode/window.js';
import { MemorySource } from '../memory-source.js';
import { resampleImage } from './resample-image.js';

const random = stream(0, 'draw');
const [width, height, length] = [23, 17, 5];
const pixels = new Uint8Array(length * width * height * 3).map(() => random.int(256));
const images: MemoryImages = { kind: 'memory', length, width, height, pixels, nameOf: String };
const imageOf = (id: number) => ({
  width,
  height,
  pixels: pixels.subarray(id * width * height * 3, (id + 1) * width * height * 3),
});

function drawWindow(seesAround: boolean, reflect: boolean): Window {
  const [w, h] = [1 + random.int(30), 1 + random.int(30)];
  const turns = { flip: random.chance(0.5), flipVertical: random.chance(0.5) };
  return { x: random.int(30) - 10, y: random.int(30) - 10, width: w, height: h, ...turns, seesAround, reflect };
}

/** Images, `[B, 3, size, size]`, row by row as bytes would stand. */
const rowByRow = (batch: torch.Tensor): Float32Array =>
  batch.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();

/** Cuts all windows at once, as for a device other than the CPU. */
function batched(ids: Int32Array, windows: readonly Window[], size: number, filter: Filter): Float32Array {
  return torch.tidy(() => {
    const upload = new Upload('cpu', true);
    const planned = new MemorySource(images).planRead(ids, { windows, size, filter }, upload);
    upload.send();
    return rowByRow(planned());
  });
}

suite('batched and single resizing agree', () => {
  for (const filter of ['nearest', 'bilinear', 'bicubic'] as const)
    for (const size of [1, 8, 20, 45])
      for (const seesAround of [false, true])
        for (const reflect of [false, true])
          test(`${filter} to ${size}${seesAround ? ', seeing around' : ''}${reflect ? ', reflected' : ''}`, async () => {
            const ids = Int32Array.from({ length: 40 }, () => random.int(length));
            const windows = Array.from(ids, () => drawWindow(seesAround, reflect));
            const single = windows.flatMap((window, i) => [...resampleImage(imageOf(ids[i]!), window, size, filter)]);
            using read = await new MemorySource(images).read(ids, windows, size, filter);
            assert.deepEqual([...rowByRow(read)], single);
            assert.deepEqual([...batched(ids, windows, size, filter)], single);
          });

  for (const reflect of [false, true])
    test(`windows of the output's size${reflect ? ', reflected' : ''}`, async () => {
      const ids = Int32Array.from({ length: 40 }, () => random.int(length));
      const windows = Array.from(ids, () => ({ ...drawWindow(false, reflect), width: 20, height: 20 }));
      using read = await new MemorySource(images).read(ids, windows, 20, 'bicubic');
      assert.deepEqual(batched(ids, windows, 20, 'bicubic'), rowByRow(read));
    });
});

suite('a window', () => {
  const read = async (window: Window, size: number, filter: Filter = 'bicubic') =>
    (await new MemorySource(images).read(Int32Array.of(1), [window], size, filter)).toTypedArray<'float32'>();

  test('outside the image is black', async () => {
    for (const size of [8, 5])
      assert.ok((await read({ x: 40, y: -30, width: 8, height: 8, flip: false }, size)).every((level) => level === 0));
  });

  test('partly outside is resized with the black around the image', async () => {
    const window = { x: -4, y: -3, width: 20, height: 20, flip: true };
    const padded = new Uint8Array(20 * 20 * 3);
    for (let y = 3; y < 20; y++)
      for (let x = 4; x < 20; x++)
        padded.set(
          imageOf(1).pixels.subarray(((y - 3) * width + x - 4) * 3, ((y - 3) * width + x - 3) * 3),
          (y * 20 + x) * 3,
        );
    const whole = { width: 20, height: 20, pixels: padded };
    const expected = resampleImage(whole, { x: 0, y: 0, width: 20, height: 20, flip: true }, 13, 'bicubic');
    assert.deepEqual(resampleImage(imageOf(1), window, 13, 'bicubic'), expected);
  });

  test('over the edge can show the mirrored image, before it is resized', async () => {
    const window = { x: -4, y: -3, width: 20, height: 20, flip: false, reflect: true };
    const padded = new Uint8Array(20 * 20 * 3);
    for (let y = 0; y < 20; y++)
      for (let x = 0; x < 20; x++) {
        const from = (Math.abs(y - 3) * width + Math.abs(x - 4)) * 3;
        padded.set(imageOf(1).pixels.subarray(from, from + 3), (y * 20 + x) * 3);
      }
    const whole = { width: 20, height: 20, pixels: padded };
    for (const filter of ['nearest', 'bilinear', 'bicubic'] as const)
      for (const size of [13, 20, 27]) {
        const expected = resampleImage(whole, { x: 0, y: 0, width: 20, height: 20, flip: false }, size, filter);
        assert.deepEqual(resampleImage(imageOf(1), window, size, filter), expected, `${filter} to ${size}`);
      }
  });

  test('upside down is its rows in reverse order', async () => {
    const window = { x: 2, y: 3, width: 9, height: 11, flip: false };
    for (const size of [5, 12]) {
      const upright = resampleImage(imageOf(2), window, size, 'bicubic');
      const turned = resampleImage(imageOf(2), { ...window, flipVertical: true }, size, 'bicubic');
      for (let row = 0; row < size; row++)
        assert.deepEqual(
          turned.subarray(row * size * 3, (row + 1) * size * 3),
          upright.subarray((size - 1 - row) * size * 3, (size - row) * size * 3),
        );
    }
  });

  test('of nearest pixels only has levels of the image', async () => {
    const levels = await read({ x: 2, y: 2, width: 7, height: 9, flip: false }, 30, 'nearest');
    const known = new Set(imageOf(1).pixels);
    assert.ok(levels.every((level) => known.has(level)));
  });
});

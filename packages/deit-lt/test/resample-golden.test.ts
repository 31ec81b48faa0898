/**
 * Crops, resizes and padded crops against what Pillow 9.4 gave (../shared/golden/augment of the repository): the integer
 * loop to the bit, the batched products up to one level where float32 rounds another way.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { MemoryImages } from '../src/data/dataset.js';
import type { Filter, Window } from '../src/data/decode/window.js';
import { MemorySource } from '../src/data/memory-source.js';
import { resampleImage } from '../src/data/resample/resample-image.js';
import { golden, skipGolden } from './helpers/golden-files.js';

interface CropCase {
  key: string;
  image: string;
  top: number;
  left: number;
  height: number;
  width: number;
  size: number;
  interpolation: Filter;
}
interface EvalCase {
  key: string;
  image: string;
  size: number;
  resized_width_height: [number, number];
  crop_top: number;
  crop_left: number;
}
interface PadCase {
  key: string;
  mode: 'reflect' | 'constant';
  image: string;
  padding: number;
  top: number;
  left: number;
  size: number;
}
interface AugmentGolden {
  resized_crop: { cases: CropCase[] };
  eval_transform: { cases: EvalCase[] };
  pad_crop: { cases: PadCase[] };
}

const { json, tensor } = golden<AugmentGolden>('augment', {
  resized_crop: { cases: [] },
  eval_transform: { cases: [] },
  pad_crop: { cases: [] },
});

const bytesOf = (key: string): Uint8Array => tensor(key).toTypedArray<'uint8'>();

function imageOf(name: string): MemoryImages {
  const [height, width] = tensor(`image.${name}`).shape as [number, number, number];
  return { kind: 'memory', length: 1, width, height, pixels: bytesOf(`image.${name}`), nameOf: () => name };
}

function mirrored(pixels: Uint8Array, size: number): Uint8Array {
  return pixels.map((_, i) => {
    const [row, column, channel] = [Math.floor(i / (3 * size)), Math.floor(i / 3) % size, i % 3];
    return pixels[(row * size + size - 1 - column) * 3 + channel]!;
  });
}

interface Case {
  key: string;
  image: MemoryImages;
  window: Window;
  size: number;
  filter: Filter;
}

async function check({ key, image, window, size, filter }: Case): Promise<void> {
  for (const flip of [false, true]) {
    const expected = flip ? mirrored(bytesOf(key), size) : bytesOf(key);
    assert.deepEqual(resampleImage(image, { ...window, flip }, size, filter), expected, 'one image');
    const source = new MemorySource(image);
    const images = await source.read(Int32Array.of(0), [{ ...window, flip }], size, filter);
    assert.deepEqual(images.shape, [1, 3, size, size]);
    assert.ok(images.isContiguous({ memoryFormat: 'channels_last' }), 'memory format');
    const levels = images.permute([0, 2, 3, 1]).contiguous().toTypedArray<'float32'>();
    const differing = levels.filter((level, i) => level !== expected[i]);
    assert.ok(differing.length <= expected.length / 1000, `${differing.length} of ${expected.length} levels differ`);
    levels.forEach((level, i) => {
      assert.ok(Math.abs(level - expected[i]!) <= 1, `level ${i}`);
    });
  }
}

suite('resized crops are as Pillow makes them', { skip: skipGolden }, () => {
  for (const { key, image, top, left, height, width, size, interpolation } of json.resized_crop.cases)
    test(key, async () => {
      const window = { x: left, y: top, width, height, flip: false };
      await check({ key, image: imageOf(image), window, size, filter: interpolation });
    });
});

suite('a window that sees around is a resize followed by a crop', { skip: skipGolden }, () => {
  for (const { key, image: name, size, resized_width_height: resized, ...crop } of json.eval_transform.cases)
    test(key, async () => {
      const image = imageOf(name);
      const [toX, toY] = [image.width / resized[0], image.height / resized[1]];
      const place = { x: crop.crop_left * toX, y: crop.crop_top * toY, width: size * toX, height: size * toY };
      const window = { ...place, flip: false, seesAround: true };
      await check({ key, image, window, size, filter: 'bicubic' });
    });
});

suite('windows over the edge show the mirrored image there', { skip: skipGolden }, () => {
  for (const { key, image, mode, padding, top, left, size } of json.pad_crop.cases)
    if (mode === 'reflect')
      for (const seesAround of [false, true])
        test(`${key}${seesAround ? ', of the resized image' : ''}`, async () => {
          const place = { x: left - padding, y: top - padding, width: size, height: size };
          const window = { ...place, flip: false, reflect: true, seesAround };
          await check({ key, image: imageOf(image), window, size, filter: 'bicubic' });
        });
});

suite('windows over the edge are black there', { skip: skipGolden }, () => {
  for (const { key, image, mode, padding, top, left, size } of json.pad_crop.cases)
    if (mode === 'constant')
      test(key, async () => {
        const window = { x: left - padding, y: top - padding, width: size, height: size, flip: false };
        await check({ key, image: imageOf(image), window, size, filter: 'bicubic' });
      });
});

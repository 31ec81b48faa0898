/** What crops, flips, colour jitter, blur, 3-Augment and erasing draw, against the laws that the papers state. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { adjustments, colorJitter, drawJitter } from '../src/augment/color-jitter.js';
import { drawCount, drawEraseBox } from '../src/augment/random-erasing.js';
import { drawBlur } from '../src/augment/random-op.js';
import { drawResizedCrop } from '../src/augment/random-resized-crop.js';
import { type AugmentConfig, buildPipeline } from '../src/augment/registry.js';
import { drawSimpleCrop } from '../src/augment/simple-random-crop.js';
import { drawThree, threeAugment } from '../src/augment/three-augment.js';
import type { RandomStream } from '../src/random/stream.js';
import { boxLaw } from './helpers/crop-law.js';
import {
  assertCounts,
  assertDistributed,
  assertEven,
  assertShare,
  countsOf,
  drawMany,
  logUniformCdf,
  uniformCdf,
} from './helpers/distribution.js';

const n = 6000;
const context = {
  size: 8,
  mean: [0, 0, 0] as [number, number, number],
  std: [1, 1, 1] as [number, number, number],
  filter: 'bilinear' as const,
};
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);
const windowOf = (config: AugmentConfig) => buildPipeline(config, context).window;

suite('random resized crop', () => {
  const [scale, ratio] = [[0.08, 1] as const, [3 / 4, 4 / 3] as const];

  for (const [width, height] of [
    [32, 32],
    [48, 30],
  ] as const)
    test(`sizes on ${width} × ${height} pixels have the law of area and shape, tries and fallback`, () => {
      const fits = (w: number, h: number): boolean => w >= 1 && h >= 1 && w <= width && h <= height;
      const { share, missed } = boxLaw({ width, height, area: scale, shape: ratio, fits });
      const fallback = width === height ? `${width}x${height}` : `${Math.round(height * ratio[1])}x${height}`;
      share.set(fallback, (share.get(fallback) ?? 0) + missed);
      const windows = drawMany(20_000, (random) => drawResizedCrop(width, height, { scale, ratio }, random));
      assertCounts(countsOf(windows.map((w) => `${w.width}x${w.height}`)), share, 'size');
    });

  test('lies anywhere with equal chance', () => {
    const windows = drawMany(n, (random) => drawResizedCrop(32, 32, { scale: [0.2, 0.2], ratio: [1, 1] }, random));
    assertEven(
      windows.map(({ x, y }) => 100 * y + x),
      range(19 * 19).map((i) => 100 * Math.floor(i / 19) + (i % 19)), // sides of 14 pixels
      'corner',
    );
  });

  test('without rounding is uniform in area and in the logarithm of its shape', () => {
    const options = { scale: [0.08, 0.5], ratio } as const;
    const windows = drawMany(n, (random) => drawResizedCrop(8000, 8000, options, random));
    assertDistributed(
      windows.map(({ width, height }) => (width * height) / 8000 ** 2),
      uniformCdf(0.08, 0.5),
      'area',
    );
    assertDistributed(
      windows.map(({ width, height }) => width / height),
      logUniformCdf(...ratio),
      'shape',
    );
  });
});

suite('simple random crop', () => {
  test('each place of the padded image is equally likely', () => {
    const options = { size: 8, padding: 2, mode: 'reflect' } as const;
    const windows = drawMany(n, (random) => drawSimpleCrop(24, 16, options, random)); // resized to 12 × 8
    assertEven(
      windows.map(({ x, y }) => (y / 2 + 2) * 9 + x / 2 + 2),
      range(5 * 9),
      'place',
    );
  });
});

suite('flips', () => {
  test('happen with the given probability, each independently', () => {
    const window = windowOf({ wholeImage: true, flip: { probability: 0.5 }, verticalFlip: { probability: 0.2 } });
    const drawn = drawMany(n, (random) => window(4, 4, random));
    const shares = new Map([
      ['false false', 0.4],
      ['true false', 0.4],
      ['false true', 0.1],
      ['true true', 0.1],
    ]);
    assertCounts(countsOf(drawn.map(({ flip, flipVertical = false }) => `${flip} ${flipVertical}`)), shares, 'flips');
  });
});

suite('colour jitter', () => {
  const options = colorJitter.options.parse({ brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 });
  const plans = drawMany(n, (random) => drawJitter(adjustments(options), random));

  test('applies the four adjustments in each of the 24 orders equally often', () => {
    const ops = ['brightness', 'contrast', 'color', 'hue'];
    const orders = ops.flatMap((a) =>
      ops.flatMap((b) => ops.flatMap((c) => ops.map((d) => [a, b, c, d]).filter((order) => new Set(order).size === 4))),
    );
    assertEven(
      plans.map((plan) => plan.map(({ op }) => op).join()),
      orders.map((order) => order.join()),
      'order',
    );
  });

  test('draws factors and turns uniformly from their ranges', () => {
    const drawn = (name: string): number[] => plans.map((plan) => plan.find(({ op }) => op === name)!.arg);
    assertDistributed(drawn('brightness'), uniformCdf(0.6, 1.4), 'brightness');
    assertDistributed(drawn('contrast'), uniformCdf(0.6, 1.4), 'contrast');
    assertDistributed(drawn('color'), uniformCdf(0.8, 1.2), 'saturation');
    assertDistributed(drawn('hue'), uniformCdf(-0.1, 0.1), 'hue');
  });

  test('never has a negative factor', () => {
    const [adjustment] = adjustments(colorJitter.options.parse({ brightness: 1.5 }));
    assert.deepEqual(adjustment, { op: 'brightness', low: 0, high: 2.5 });
  });
});

suite('blur', () => {
  test('draws its radius uniformly', () => {
    const radii = drawMany(n, (random) => drawBlur([0.1, 2], random).arg);
    assertDistributed(radii, uniformCdf(0.1, 2), 'radius');
  });

  test('and the other operations on a share of the images happen to that share', () => {
    const images = torch.full([n, 3, 1, 1], 200);
    const [solarize] = buildPipeline({ wholeImage: true, solarize: { probability: 0.2 } }, context).transforms;
    const changed = solarize!(
      images,
      drawMany(n, (random) => random),
    );
    const levels = changed.select(1, 0).contiguous().toTypedArray<'float32'>();
    assertShare(
      Array.from(levels, (level) => level === 55),
      0.2,
      'solarised',
    );
  });
});

suite('3-Augment', () => {
  const options = threeAugment.options.parse({});
  const choices = drawMany(n, (random) => drawThree(options, random));

  test('chooses each of the three equally often', () => {
    assertEven(
      choices.map(({ op }) => op),
      ['grayscale', 'solarize', 'gaussianBlur'],
      'operation',
    );
  });

  test('blurs by 0.1 to 2 pixels and solarises from level 128 on', () => {
    const args = (name: string): number[] => choices.filter(({ op }) => op === name).map(({ arg }) => arg);
    assertDistributed(args('gaussianBlur'), uniformCdf(0.1, 2), 'radius');
    assert.deepEqual([...new Set(args('solarize'))], [128]);
  });
});

suite('random erasing', () => {
  const [area, ratio] = [[0.02, 1 / 3] as const, [0.3, 1 / 0.3] as const];
  const draw = (random: RandomStream) => drawEraseBox(32, 32, { area, ratio }, random);

  test('sizes on 32 × 32 pixels have the law of area and shape, tries and giving up', () => {
    const fits = (w: number, h: number): boolean => w < 32 && h < 32;
    const { share, missed } = boxLaw({ width: 32, height: 32, area, shape: ratio, tall: true, fits });
    share.set('none', missed);
    const boxes = drawMany(20_000, draw);
    assertCounts(countsOf(boxes.map((box) => (box ? `${box.width}x${box.height}` : 'none'))), share, 'size');
  });

  test('boxes lie anywhere with equal chance', () => {
    const options = { area: [0.25, 0.25], ratio: [1, 1] } as const;
    const boxes = drawMany(n, (random) => drawEraseBox(32, 32, options, random)!);
    assertEven(
      boxes.map(({ top, left }) => 17 * top + left),
      range(17 * 17),
      'corner',
    );
  });

  test('images are erased with the given probability, and get each number of boxes equally often', () => {
    const config: AugmentConfig = {
      wholeImage: true,
      randomErasing: { fill: 'const', area: [0.1, 0.2], ratio: [1, 1] },
    };
    const images = torch.full([2000, 3, 16, 16], 9);
    const changed = buildPipeline(config, context).transforms.at(-1)!(
      images,
      drawMany(2000, (random) => random),
    );
    const least = changed.amin([1, 2, 3]).toTypedArray<'float32'>();
    assertShare(
      Array.from(least, (level) => level === 0),
      0.25,
      'erased',
    );
    const counts = drawMany(n, (random) => drawCount({ count: 5, minCount: 2 }, random));
    assertEven(counts, [2, 3, 4, 5], 'count');
  });

  test('fills are 0, one normal colour for each box, or normal noise', () => {
    const erase = (fill: 'const' | 'rand' | 'pixel'): Float32Array => {
      const config: AugmentConfig = { wholeImage: true, randomErasing: { probability: 1, fill, area: [0.2, 0.2] } };
      const transform = buildPipeline(config, context).transforms.at(-1)!;
      const images = torch.full([400, 3, 32, 32], 9);
      const changed = transform(
        images,
        drawMany(400, (random) => random),
      );
      return changed.select(1, 0).contiguous().toTypedArray<'float32'>();
    };
    const filled = (values: Float32Array): number[] => [...values].filter((value) => value !== 9);
    assert.deepEqual([...new Set(filled(erase('const')))], [0]);
    const colours = [...new Set(filled(erase('rand')))];
    assert.ok(colours.length > 390 && colours.length <= 400, 'one colour for each box');
    assertDistributed(colours, normalCdf, 'colours');
    assertDistributed(filled(erase('pixel')).slice(0, 20_000), normalCdf, 'noise');
  });
});

/** Abramowitz and Stegun 7.1.26: exact to 1.5e-7. */
function normalCdf(x: number): number {
  const t = 1 / (1 + (0.3275911 * Math.abs(x)) / Math.SQRT2);
  const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const upper = 1 - 0.5 * series * Math.exp((-x * x) / 2);
  return x < 0 ? 1 - upper : upper;
}

/** What augmentations draw: the distributions of crops, boxes, mixing shares and choices, at fixed seeds. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { adjustments, colorJitter, drawJitter } from '../src/augment/color-jitter.js';
import { drawMix, type Mix } from '../src/augment/mixup.js';
import { padCrop } from '../src/augment/pad-crop.js';
import { drawEraseBox } from '../src/augment/random-erasing.js';
import { drawResizedCrop } from '../src/augment/random-resized-crop.js';
import { stream } from '../src/random/stream.js';

const n = 4000;

function draws<T>(draw: (random: ReturnType<typeof stream>) => T, seed = 1): T[] {
  return Array.from({ length: n }, (_, i) => draw(stream(seed, 'augment', 0, i)));
}

/** Kolmogorov–Smirnov: throws when the values would be so far from `cdf` by chance in one of a thousand cases. */
function assertDistributed(values: readonly number[], cdf: (x: number) => number, what: string): void {
  const sorted = [...values].sort((a, b) => a - b);
  const distance = Math.max(
    ...sorted.map((x, i) => Math.max(cdf(x) - i / sorted.length, (i + 1) / sorted.length - cdf(x))),
  );
  const limit = 1.95 / Math.sqrt(values.length);
  assert.ok(distance < limit, `${what}: distance ${distance} is not below ${limit}`);
}

/** χ² of equally likely outcomes; the limit is that of one case in a thousand (Wilson–Hilferty). */
function assertEven(values: readonly number[], outcomes: number, what: string): void {
  const counts = new Array<number>(outcomes).fill(0);
  for (const value of values) counts[value]!++;
  const expected = values.length / outcomes;
  const chi2 = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const df = outcomes - 1;
  const limit = df * (1 - 2 / (9 * df) + 3.09 * Math.sqrt(2 / (9 * df))) ** 3;
  assert.ok(chi2 < limit, `${what}: χ² ${chi2} is not below ${limit}`);
}

const uniform = (low: number, high: number) => (x: number) => (x - low) / (high - low);

/** The distribution function of Beta(a, a), by the midpoint rule in θ, x = sin² θ. */
function betaCdf(a: number): (x: number) => number {
  const steps = 20000;
  const sums = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) {
    const theta = ((i + 0.5) / steps) * (Math.PI / 2);
    sums[i + 1] = sums[i]! + (Math.sin(theta) * Math.cos(theta)) ** (2 * a - 1);
  }
  return (x) => sums[Math.round((Math.asin(Math.sqrt(x)) / (Math.PI / 2)) * steps)]! / sums[steps]!;
}

suite('drawResizedCrop()', () => {
  test('area is uniform and shape log-uniform where every try fits', () => {
    const options = { scale: [0.08, 0.5], ratio: [3 / 4, 4 / 3] } as const;
    const windows = draws((random) => drawResizedCrop(4000, 4000, options, random));
    assertDistributed(
      windows.map(({ width, height }) => (width * height) / 4000 ** 2),
      uniform(0.08, 0.5),
      'area',
    );
    assertDistributed(
      windows.map(({ width, height }) => Math.log(width / height)),
      uniform(Math.log(3 / 4), Math.log(4 / 3)),
      'shape',
    );
    assertDistributed(
      windows.map(({ x, width }) => x / (4000 - width)),
      uniform(0, 1),
      'left edge',
    );
    assertDistributed(
      windows.map(({ y, height }) => y / (4000 - height)),
      uniform(0, 1),
      'upper edge',
    );
  });

  test('stays inside of the image and within the limits', () => {
    const options = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
    for (const { x, y, width, height } of draws((random) => drawResizedCrop(48, 40, options, random))) {
      assert.ok(x >= 0 && y >= 0 && x + width <= 48 && y + height <= 40);
      assert.ok(width * height > 0.07 * 48 * 40);
    }
  });

  test('falls back to the largest centred window of an allowed shape', () => {
    const options = { scale: [1, 1], ratio: [3 / 4, 4 / 3] } as const;
    const random = stream(0, 'augment');
    assert.deepEqual(drawResizedCrop(300, 30, options, random), { x: 130, y: 0, width: 40, height: 30, flip: false });
    assert.deepEqual(drawResizedCrop(30, 300, options, random), { x: 0, y: 130, width: 30, height: 40, flip: false });
  });
});

suite('padCrop', () => {
  test('each of the 81 places is equally likely', () => {
    const sampler = padCrop.create(
      { padding: 4, mode: 'zero' },
      { size: 32, mean: [0, 0, 0], std: [1, 1, 1], filter: 'bilinear' },
    );
    const windows = draws((random) => sampler(32, 32, random));
    assertEven(
      windows.map(({ x, y }) => (x + 4) * 9 + y + 4),
      81,
      'place',
    );
  });
});

suite('drawEraseBox()', () => {
  test('area is uniform and shape log-uniform where every try fits', () => {
    const options = { area: [0.02, 0.25], ratio: [0.3, 1 / 0.3] } as const;
    const boxes = draws((random) => drawEraseBox(2000, 2000, options, random)!);
    assertDistributed(
      boxes.map(({ width, height }) => (width * height) / 2000 ** 2),
      uniform(0.02, 0.25),
      'area',
    );
    const edge = Math.log(1 / 0.3);
    assertDistributed(
      boxes.map(({ width, height }) => Math.log(height / width)),
      uniform(-edge, edge),
      'shape',
    );
    assertDistributed(
      boxes.map(({ left, width }) => left / (2000 - width)),
      uniform(0, 1),
      'left edge',
    );
  });

  test('gives up when nothing fits', () => {
    assert.equal(drawEraseBox(8, 8, { area: [1, 1], ratio: [1, 1] }, stream(0, 'augment')), undefined);
  });
});

suite('drawMix()', () => {
  test("Mixup's share is Beta(α, α)", () => {
    for (const alpha of [0.2, 0.8, 1]) {
      const shares = draws((random) => drawMix(32, 32, random, { mixupAlpha: alpha, cutmixAlpha: 0 }).lambda);
      assertDistributed(shares, betaCdf(alpha), `α = ${alpha}`);
    }
  });

  test('Mixup and CutMix alternate and mix with the given probabilities', () => {
    const mixes = draws((random) => drawMix(32, 32, random, { probability: 0.6, switchProbability: 0.25 }));
    const share = (kind: Mix['kind']): number => mixes.filter((mix) => mix.kind === kind).length / n;
    assert.ok(Math.abs(share('none') - 0.4) < 0.03);
    assert.ok(Math.abs(share('mixup') - 0.45) < 0.03);
    assert.ok(Math.abs(share('cutmix') - 0.15) < 0.02);
  });

  test("CutMix's share is what stays of the image", () => {
    for (const mix of draws((random) => drawMix(20, 30, random, { mixupAlpha: 0 }))) {
      assert.ok(mix.kind === 'cutmix');
      const { top, left, height, width } = mix.box;
      assert.ok(top >= 0 && left >= 0 && top + height <= 20 && left + width <= 30);
      assert.equal(mix.lambda, 1 - (height * width) / 600);
    }
  });

  test('boxes of given sides lie inside', () => {
    for (const mix of draws((random) => drawMix(20, 30, random, { mixupAlpha: 0, cutmixMinMax: [0.2, 0.5] }))) {
      assert.ok(mix.kind === 'cutmix');
      const { top, left, height, width } = mix.box;
      assert.ok(height >= 4 && height < 10 && width >= 6 && width < 15);
      assert.ok(top + height <= 20 && left + width <= 30);
    }
  });

  test('nothing is mixed when both are off', () => {
    assert.equal(drawMix(8, 8, stream(0, 'mix'), { mixupAlpha: 0, cutmixAlpha: 0 }).kind, 'none');
  });
});

suite('colorJitter', () => {
  test('draws each order equally often and factors within their range', () => {
    const options = colorJitter.options.parse({ brightness: 0.4, contrast: 0.4, saturation: [0.2, 0.3] });
    const available = adjustments(options);
    const plans = draws((random) => drawJitter(available, random));
    const orders = [
      'brightness,contrast,color',
      'brightness,color,contrast',
      'contrast,brightness,color',
      'contrast,color,brightness',
      'color,brightness,contrast',
      'color,contrast,brightness',
    ];
    assertEven(
      plans.map((plan) => orders.indexOf(plan.map(({ op }) => op).join())),
      6,
      'order',
    );
    const factors = (name: string): number[] => plans.map((plan) => plan.find(({ op }) => op === name)!.arg);
    assertDistributed(factors('brightness'), uniform(0.6, 1.4), 'brightness');
    assertDistributed(factors('color'), uniform(0.2, 0.3), 'saturation');
  });
});

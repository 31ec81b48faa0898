/** Mixup and CutMix of whole batches. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import {
  cutmixOf,
  drawMix,
  type MixBatchOptions,
  mixBatch,
  mixImages,
  mixTargets,
  smoothedOneHot,
} from '../src/augment/mixup.js';
import { NumpyLegacyRandom } from '../src/data/numpy-legacy.js';
import { stream } from '../src/random/stream.js';
import { assertClose, golden, skipGolden } from './helpers/golden-files.js';

const numClasses = 4;

const batchOf = (n: number): torch.Tensor =>
  torch.randn(n, 8, 8, 3, { generator: new torch.Generator().manualSeed(2) }).permute(0, 3, 1, 2);
const labelsOf = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i % numClasses);
const same = (a: torch.Tensor, b: torch.Tensor): boolean => a.sub(b).abs().max().toNumber() === 0;
const mix = (n: number, seed: number, options: Partial<MixBatchOptions> = {}) =>
  mixBatch(batchOf(n), labelsOf(n), { numClasses, random: stream(seed, 'mix'), ...options });

suite('mixBatch()', () => {
  for (const mode of ['batch', 'pair', 'elem'] as const) {
    test(`${mode}: targets sum to one, format and input stay`, () => {
      const images = batchOf(6);
      const before = images.clone();
      for (let seed = 0; seed < 8; seed++) {
        const options = { numClasses, smoothing: 0.1, mode, random: stream(seed, 'mix') };
        const { images: mixed, targets } = mixBatch(images, labelsOf(6), options);
        assert.ok(mixed.isContiguous({ memoryFormat: 'channels_last' }));
        assert.ok(targets.sum(1).sub(1).abs().max().toNumber() < 1e-6);
        assert.deepEqual(targets.shape, [6, numClasses]);
      }
      assert.ok(same(images, before));
    });

    test(`${mode}: the middle image of an odd batch is unchanged`, () => {
      for (let seed = 0; seed < 8; seed++) {
        const { images, targets } = mix(5, seed, { mode });
        assert.ok(images.select(0, 2).sub(batchOf(5).select(0, 2)).abs().max().toNumber() < 1e-6);
        assert.deepEqual(targets.select(0, 2).toArray(), [0, 0, 1, 0]);
      }
    });
  }

  test('pair: both partners share what is drawn', () => {
    const { mixes } = mix(6, 4, { mode: 'pair' });
    assert.equal(mixes.length, 6);
    for (let i = 0; i < 3; i++) assert.deepEqual(mixes[i], mixes[5 - i]);
    assert.notDeepEqual(mixes[0], mixes[1]);
  });

  test('elem: each image is mixed by its own draw', () => {
    const images = batchOf(6);
    const { images: mixed, mixes } = mix(6, 5, { mode: 'elem', cutmixAlpha: 0 });
    mixes.forEach(({ lambda }, i) => {
      const expected = images
        .select(0, i)
        .mul(lambda)
        .add_(images.select(0, 5 - i), { alpha: 1 - lambda });
      assert.ok(mixed.select(0, i).sub(expected).abs().max().toNumber() < 1e-6);
    });
  });

  test('the same stream gives the same batch', () => {
    assert.ok(same(mix(6, 7).images, mix(6, 7).images));
    assert.deepEqual(mix(6, 7).mixes, mix(6, 7).mixes);
  });

  test('probability 0 leaves images and labels', () => {
    const { images, targets, lambda, kind } = mix(4, 0, { probability: 0 });
    assert.ok(same(images, batchOf(4)));
    assert.ok(same(targets, torch.eye(4)));
    assert.deepEqual([lambda, kind], [1, 'none']);
  });

  test('an α below zero counts as off', () => {
    assert.equal(mix(4, 0, { mixupAlpha: -1, cutmixAlpha: 0 }).kind, 'none');
  });
});

suite('drawMix()', () => {
  test('without correction keeps the λ that the box was made for', () => {
    let clipped = 0;
    for (let seed = 0; seed < 50; seed++) {
      const [raw, corrected] = [false, true].map((correctLambda) =>
        drawMix(32, 32, stream(seed, 'mix'), { mixupAlpha: 0, correctLambda }),
      );
      assert.ok(raw?.kind === 'cutmix' && corrected?.kind === 'cutmix');
      assert.deepEqual(raw.box, corrected.box);
      assert.equal(corrected.lambda, 1 - (raw.box.height * raw.box.width) / 1024);
      if (corrected.lambda > raw.lambda + 0.05) clipped++;
    }
    assert.ok(clipped > 10, `${clipped} boxes were clipped`);
  });

  test('with cutmixMinMax draws sides between both shares, whatever the α', () => {
    const sides = new Set<number>();
    for (let seed = 0; seed < 200; seed++) {
      const options = { mixupAlpha: 0, cutmixAlpha: 0, cutmixMinMax: [0.25, 0.5] as const, correctLambda: false };
      const mix = drawMix(32, 64, stream(seed, 'mix'), options);
      assert.ok(mix.kind === 'cutmix');
      const { top, left, height, width } = mix.box;
      assert.ok(height >= 8 && height < 16 && width >= 16 && width < 32 && top + height <= 32 && left + width <= 64);
      assert.equal(mix.lambda, 1 - (height * width) / 2048);
      sides.add(height);
    }
    assert.equal(sides.size, 8);
  });
});

interface Seeded {
  numpy_seed: number;
  lam: number;
  use_cutmix: boolean;
  corrected_lam?: number;
  /** `box_yl_yh_xl_xh_for_32x32` of CutMix: the box, for a height and width. */
  [box: string]: unknown;
}

/** Height, width and box of a CutMix; of a Mixup 32 × 32 without one. */
function boxIn(seeded: Seeded): { height: number; width: number; box?: unknown } {
  for (const [key, box] of Object.entries(seeded)) {
    const [, height, width] = /^box_yl_yh_xl_xh_for_(\d+)x(\d+)$/.exec(key) ?? [];
    if (height !== undefined) return { height: Number(height), width: Number(width), box };
  }
  return { height: 32, width: 32 };
}

suite('golden mixing', { skip: skipGolden }, () => {
  const { json } = golden<{ mixup_cutmix: { seeded_parameters: Seeded[] } }>('augment', {
    mixup_cutmix: { seeded_parameters: [] },
  });

  test('drawMix() draws the same numbers in the same order as the published code', () => {
    for (const seeded of json.mixup_cutmix.seeded_parameters) {
      const { numpy_seed, lam, use_cutmix, corrected_lam } = seeded;
      const { height: rows, width: columns, box } = boxIn(seeded);
      const numpy = new NumpyLegacyRandom(numpy_seed);
      const random = {
        chance: (p: number) => numpy.randomSample() < p,
        beta: (a: number, b: number) => numpy.beta(a, b),
        int: (n: number) => numpy.randint(0, n),
      };
      const mix = drawMix(rows, columns, random);
      assert.equal(mix.kind, use_cutmix ? 'cutmix' : 'mixup', `seed ${numpy_seed}`);
      assertClose(mix.lambda, corrected_lam ?? lam, { rtol: 1e-12 }, `λ of seed ${numpy_seed}`);
      if (mix.kind !== 'cutmix') continue;
      const { top, left, height, width } = mix.box;
      assert.deepEqual([top, top + height, left, left + width], box);
    }
  });
});

suite('smoothedOneHot()', () => {
  test('spreads the smoothing over all classes', () => {
    const targets = smoothedOneHot(Int32Array.of(1, 3), 4, 0.2);
    const expected = torch.tensor([
      [0.05, 0.85, 0.05, 0.05],
      [0.05, 0.05, 0.05, 0.85],
    ]);
    assert.ok(targets.sub(expected).abs().max().toNumber() < 1e-7);
  });
});

suite('images mixed with those of another batch', () => {
  const [images, partners] = [torch.full([3, 1, 4, 4], 1), torch.full([3, 1, 4, 4], 5)];
  const labels = [Int32Array.of(0, 1, 2), Int32Array.of(0, 3, 1)] as const;

  test('Mixup is λ of the image and the rest of its partner', () => {
    const mixed = mixImages(images, [{ kind: 'mixup', lambda: 0.75 }], partners);
    assert.ok(same(mixed, torch.full([3, 1, 4, 4], 2)));
  });

  test('CutMix has the box of the partner, and its share in the labels', () => {
    const mix = cutmixOf({ top: 1, left: 0, height: 2, width: 4 }, 4, 4);
    const rows = mixImages(images, [mix], partners).select(3, 0).select(1, 0);
    assert.deepEqual(rows.toArray(), new Array(3).fill([1, 5, 5, 1]));
    const targets = mixTargets(labels[0], [mix], { numClasses, partners: labels[1] });
    assert.deepEqual(targets.toArray(), [
      [1, 0, 0, 0],
      [0, 0.5, 0, 0.5],
      [0, 0.5, 0.5, 0],
    ]);
  });

  test('refuses another number of partners', () => {
    const mix = [{ kind: 'mixup', lambda: 0.5 }] as const;
    assert.throws(() => mixImages(images, mix, partners.narrow(0, 0, 2)), /add_/);
  });
});

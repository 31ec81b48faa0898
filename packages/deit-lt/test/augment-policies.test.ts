/** Policies: what configurations mean, and what is drawn, by χ² and Kolmogorov–Smirnov at fixed seeds. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as torch from '@deit-lt/torch';
import { drawAugMix, parseAugMix, planChains } from '../src/augment/aug-mix.js';
import { drawCifarPair, drawScaledPair } from '../src/augment/auto-augment.js';
import { cifar10, scaledPolicies } from '../src/augment/auto-augment-policies.js';
import { argumentAt, increasing, randOps, type ScaledOp } from '../src/augment/magnitudes.js';
import { drawPolicyOp, type PolicySettings, resampling } from '../src/augment/policy-op.js';
import { drawNames, drawRandAugment, parseRandAugment } from '../src/augment/rand-augment.js';
import { type AugmentConfig, buildPipeline } from '../src/augment/registry.js';
import { atOnce } from '../src/augment/transform.js';
import { UserError } from '../src/errors.js';
import {
  assertCounts,
  assertDistributed,
  assertEven,
  assertShare,
  countsOf,
  drawMany,
  uniformCdf,
} from './helpers/distribution.js';

const n = 6000;
const context = { size: 16, mean: [0.485, 0.456, 0.406], std: [0.2, 0.2, 0.2], filter: 'bicubic' } as const;

const settingsOf = (changes: Partial<PolicySettings> = {}): PolicySettings => ({
  magnitudeStd: 0,
  magnitudeMax: 10,
  translate: 0.45,
  filters: ['bicubic'],
  ...changes,
});

/** Φ((x − mean) / deviation), by Abramowitz and Stegun 7.1.26: within 1e-7. */
function normalCdf(mean: number, deviation: number): (x: number) => number {
  return (x) => {
    const z = Math.abs(x - mean) / deviation / Math.SQRT2;
    const t = 1 / (1 + 0.3275911 * z);
    const series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
    const tail = 0.5 * series * Math.exp(-z * z);
    return x < mean ? tail : 1 - tail;
  };
}

suite('RandAugment configurations', () => {
  test('mean what timm makes of them', () => {
    assert.deepEqual(parseRandAugment('rand-m9-mstd0.5-inc1'), {
      count: 2,
      magnitude: 9,
      magnitudeStd: 0.5,
      magnitudeMax: 10,
      probability: 0.5,
      ops: randOps.map(increasing),
    });
    const { ops, ...rest } = parseRandAugment('rand');
    assert.deepEqual(rest, { count: 2, magnitude: 10, magnitudeStd: 0, magnitudeMax: 10, probability: 0.5 });
    assert.deepEqual(ops, randOps);
    const all = parseRandAugment('rand-n3-m12-mmax15-mstd101-p0.7-w0');
    assert.deepEqual([all.count, all.magnitude, all.magnitudeMax, all.probability], [3, 12, 15, 0.7]);
    assert.equal(all.magnitudeStd, Number.POSITIVE_INFINITY);
    assert.equal(parseRandAugment('rand-mstdinf').magnitudeStd, Number.POSITIVE_INFINITY);
    assert.equal(parseRandAugment('rand-mstd100').magnitudeStd, 100);
  });

  test('that cannot be read are a mistake that names the letters and what they take', () => {
    const rejects = (augment: AugmentConfig, message: RegExp): void =>
      assert.throws(
        () => buildPipeline({ wholeImage: true, ...augment }, context),
        (error) => error instanceof UserError && message.test(error.message),
      );
    const randAugment = (config: string): AugmentConfig => ({ randAugment: { config } });
    rejects(
      randAugment('rand-m9.5'),
      /augment\.randAugment\.config: "m9\.5" .*m \(magnitude\) takes a whole number from 0 to 100/,
    );
    rejects(randAugment('rand-p2'), /"p2" .*takes a number from 0 to 1/);
    rejects(randAugment('rand-mstd'), /"mstd" .*takes a number such as 0\.5, or inf/);
    rejects(randAugment('rand-inc0'), /"inc0" .*takes 1/);
    rejects(randAugment('rand-w1'), /"w1" .*takes 0/);
    rejects(
      randAugment('rand-x3'),
      /has "x3", which is not a setting with a number; known are n \(.*\), m \(magnitude\)/,
    );
    rejects(randAugment('rand-m9-m8'), /has m twice/);
    rejects(randAugment('rand-'), /has an empty section/);
    rejects(randAugment('m9'), /does not begin with "rand"/);
    rejects(randAugment('rand-n14-w0'), /with w0 at most 13 operations/);
    rejects({ augMix: { config: 'augmix-w0' } }, /augMix\.config: "w0" .*chains\) takes a whole number from 1 to 16/);
    rejects({ autoAugment: { policy: 'cifar' as 'cifar10' } }, /augment\.autoAugment\.policy: .*"cifar10"/);
  });
});

suite('RandAugment', () => {
  const config = parseRandAugment('rand-n2-m6-mstd0.5-inc1-p0.5');

  test('draws every operation equally often, again and again', () => {
    const drawn = drawMany(n, (random) => drawNames(config, random));
    assertEven(drawn.flat(), config.ops, 'operation');
    assertShare(
      drawn.map(([a, b]) => a === b),
      1 / 15,
      'the same twice',
    );
  });

  test('applies half of them, each by itself', () => {
    const plans = drawMany(n, (random) => drawRandAugment(config, settingsOf(config), random));
    const applied = countsOf(plans.map((plan) => plan.filter((choice) => choice !== undefined).length));
    const shares = new Map([
      [0, 0.25],
      [1, 0.5],
      [2, 0.25],
    ]);
    assertCounts(applied, shares, 'operations applied');
  });

  test('with weights draws in proportion to them, and none twice', () => {
    const weighted = parseRandAugment('rand-n2-w0');
    const weights = weighted.weights!;
    const drawn = drawMany(n, (random) => drawNames(weighted, random));
    assert.ok(drawn.every(([a, b]) => a !== b));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const firsts = randOps.map((name, k): [ScaledOp, number] => [name, weights[k]! / total]);
    assertCounts(countsOf(drawn.map(([first]) => first!)), new Map(firsts.filter(([, share]) => share > 0)), 'first');
    const seconds = firsts.map(([name, share]): [ScaledOp, number] => {
      const after = firsts.filter(([other]) => other !== name).map(([, p]) => (p * share) / (1 - p));
      return [name, after.reduce((sum, p) => sum + p, 0)];
    });
    assertCounts(countsOf(drawn.map(([, second]) => second!)), new Map(seconds.filter(([, p]) => p > 0)), 'second');
  });
});

suite('operations of policies', () => {
  const draw = (name: ScaledOp, level: number, settings: Partial<PolicySettings>) =>
    drawMany(n, (random) => drawPolicyOp({ name, probability: 1, level }, settingsOf(settings), random)!);
  const levels = (choices: ReturnType<typeof draw>): number[] => choices.map(({ arg }) => (Math.abs(arg) / 30) * 10);

  test('have levels normal around the magnitude', () => {
    assertDistributed(levels(draw('rotate', 5, { magnitudeStd: 0.5 })), normalCdf(5, 0.5), 'level');
  });

  test('have levels up to the highest, and not below 0', () => {
    const high = levels(draw('rotate', 9, { magnitudeStd: 0.5 }));
    assertShare(
      high.map((level) => level >= 10 - 1e-9),
      1 - normalCdf(9, 0.5)(10),
      'at 10',
    );
    assert.ok(Math.max(...high) <= 10 + 1e-9);
    assert.ok(Math.max(...levels(draw('rotate', 9, { magnitudeStd: 2, magnitudeMax: 12 }))) > 11);
    assert.equal(Math.min(...levels(draw('rotate', 1, { magnitudeStd: 2 }))), 0);
  });

  test('have levels uniform up to the magnitude when the standard deviation is infinite', () => {
    const drawn = levels(draw('rotate', 8, { magnitudeStd: Number.POSITIVE_INFINITY }));
    assertDistributed(drawn, uniformCdf(0, 8), 'level');
  });

  test('go in both directions equally often, and their filters are drawn evenly', () => {
    const choices = draw('shearX', 5, { filters: ['bilinear', 'bicubic'] });
    assertShare(
      choices.map(({ arg }) => arg > 0),
      0.5,
      'sign',
    );
    assertEven(
      choices.map(({ arg, filter }) => `${arg > 0} ${filter}`),
      ['true bilinear', 'true bicubic', 'false bilinear', 'false bicubic'],
      'sign and filter',
    );
    assertEven(
      draw('colorIncreasing', 5, {}).map(({ arg }) => arg),
      [1.45, 0.55],
      'factor',
    );
    assert.ok(draw('color', 5, {}).every(({ arg, filter }) => arg === 1 && filter === undefined));
  });

  test('resample as the input does and fill with the rounded mean by default', () => {
    assert.deepEqual(resampling({ interpolation: 'input' }, context), { filters: ['bicubic'], fill: [124, 116, 104] });
    assert.deepEqual(resampling({ interpolation: 'random', fill: [1, 2, 3] }, context), {
      filters: ['bilinear', 'bicubic'],
      fill: [1, 2, 3],
    });
  });

  test('have arguments within what images take, at every level up to 30', () => {
    for (const name of randOps.flatMap((name) => [name, increasing(name)]))
      for (let level = 0; level <= 30; level += 0.5)
        for (const sign of [1, -1] as const) {
          const arg = argumentAt(name, level, sign);
          if (name.startsWith('posterize')) assert.ok(arg >= 0 && Number.isInteger(arg));
          if (name.startsWith('solarize')) assert.ok(arg >= 0 && arg <= 256);
          if (name.endsWith('Increasing') && !/^(posterize|solarize)/.test(name)) assert.ok(arg >= 0.1);
        }
  });
});

suite('AutoAugment', () => {
  test('draws each pair of the ImageNet policies equally often, its operations with their probabilities', () => {
    for (const name of ['original', 'v0r'] as const) {
      const plans = drawMany(n, (random) => drawScaledPair(name, settingsOf(), random));
      const expected = [0, 1].map((k) => {
        const each = scaledPolicies[name].map((pair) => pair[k === 0 ? 1 : 4]);
        return each.reduce((sum, p) => sum + p, 0) / 25;
      });
      plans[0]!.forEach((_, k) => {
        assertShare(
          plans.map((plan) => plan[k] !== undefined),
          expected[k]!,
          `${name}, operation ${k}`,
        );
      });
    }
  });

  test('applies the CIFAR-10 policy with its probabilities, in both directions', () => {
    const plans = drawMany(n, (random) => drawCifarPair(random));
    const shares = new Map<string, number>();
    const add = (op: string, share: number): void => void shares.set(op, (shares.get(op) ?? 0) + share / 25);
    let none = 0;
    for (const [a, pa, , b, pb] of cifar10) {
      add(a, pa);
      add(b, pb);
      none += 2 - pa - pb;
    }
    add('none', none);
    const halves = new Map([...shares].map(([op, share]) => [op, share / 2]));
    assertCounts(countsOf(plans.flatMap((plan) => plan.map((choice) => choice?.op ?? 'none'))), halves, 'operation');
    const shifts = plans.flat().flatMap((choice) => (choice?.op.startsWith('translate') ? [choice] : []));
    assertShare(
      shifts.map(({ arg }) => arg > 0),
      0.5,
      'direction',
    );
    assert.ok(shifts.every(({ filter }) => filter === 'nearest'));
  });
});

suite('AugMix', () => {
  const config = parseAugMix('augmix-m5-w4-d2');

  test('draws weights that sum to 1, a uniform share, and chains of the given length', () => {
    const plans = drawMany(n, (random) => drawAugMix(config, settingsOf(config), random));
    for (const { weights, chains } of plans) {
      assert.ok(Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-12);
      assert.deepEqual(
        chains.map((chain) => chain.length),
        [2, 2, 2, 2],
      );
    }
    assertDistributed(
      plans.map(({ share }) => share),
      uniformCdf(0, 1),
      'share',
    );
    // Of Dirichlet(1, 1, 1, 1) each weight is Beta(1, 3).
    assertDistributed(
      plans.map(({ weights }) => weights[0]!),
      (x) => 1 - (1 - x) ** 3,
      'weight',
    );
    const depths = drawMany(n, (random) => drawAugMix(parseAugMix('augmix'), settingsOf(), random)).flatMap(
      ({ chains }) => chains.map((chain) => chain.length),
    );
    assertEven(depths, [1, 2, 3], 'depth');
  });

  test('averages the chains and mixes the result with the image, truncated', () => {
    const images = torch.tensor([100, 50, 7], { shape: [1, 3, 1, 1] });
    const plan = {
      weights: [0.25, 0.75],
      share: 0.5,
      chains: [[{ op: 'invert', arg: 0 } as const], [{ op: 'brightness', arg: 2 } as const]],
    };
    // 0.25 · (155, 205, 248) + 0.75 · (200, 100, 14) = (188.75, 126.25, 72.5), and half way from the image.
    assert.deepEqual(
      atOnce(images, (batch) => planChains([plan], [0, 0, 0], batch))
        .reshape(-1)
        .toArray(),
      [144, 88, 39],
    );
  });
});

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { ScheduleConfig } from './schedule-config.js';
import { factorAt } from './schedule-step.js';
import { isReweighted, learningRate, samRadius, scaledLearningRate, toHalf, totalEpochs } from './schedules.js';

const config: ScheduleConfig = {
  name: 'cosine',
  warmupEpochs: 2,
  warmupLr: 0.1,
  minLr: 0.01,
  cooldownEpochs: 3,
  milestones: [4, 6],
  factors: [0.5, 0.25],
  stepping: 'update',
};
const span = { lr: 1, epochs: 10 };

const at = (changes: Partial<ScheduleConfig>, epoch: number, batch = 0, accumulation = 1): number =>
  learningRate({ ...config, ...changes }, span, { epoch, batch, batches: 10, accumulation });
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

suite('learningRate()', () => {
  test('by update: warms up within the epoch and continues from there without a jump', () => {
    assert.equal(at({}, 0), 0.1);
    near(at({}, 0, 5), 0.1 + (0.9 * 0.5) / 2);
    near(at({}, 2), 1);
    near(at({}, 6), 0.01 + 0.99 / 2);
    assert.equal(at({}, 10), 0.01);
    assert.equal(at({}, 12), 0.01);
  });

  test('is the same for all batches of an update, also in the short last window', () => {
    assert.equal(at({}, 1, 4, 4), at({}, 1, 7, 4));
    assert.ok(at({}, 1, 7, 4) < at({}, 1, 8, 4));
    near(at({}, 1, 9, 4), 0.1 + (0.9 * (1 + 2 / 3)) / 2);
  });

  test('by epoch: stays within the epoch and reaches the full rate in the last one of the warm-up', () => {
    assert.equal(at({ stepping: 'epoch' }, 0, 0), at({ stepping: 'epoch' }, 0, 9));
    near(at({ stepping: 'epoch' }, 0), 0.55);
    near(at({ stepping: 'epoch' }, 1), 1);
    near(at({ stepping: 'epoch' }, 2), 1);
  });

  test('of a step schedule drops at its milestones', () => {
    assert.deepEqual(
      [3, 4, 5, 6, 9].map((epoch) => at({ name: 'step' }, epoch)),
      [1, 0.5, 0.5, 0.25, 0.25],
    );
  });

  test('of one-cycle is a straight line down, and of constant none', () => {
    near(at({ name: 'one-cycle' }, 6), (1 + 0.01) / 2);
    assert.equal(at({ name: 'one-cycle' }, 10), 0.01);
    assert.equal(at({ name: 'constant' }, 9, 9), 1);
  });

  test('is finite for every kind and stepping when the warm-up is the whole run or there is none', () => {
    for (const name of ['cosine', 'step', 'one-cycle', 'constant'] as const)
      for (const stepping of ['update', 'epoch', 'published', 'published-paco'] as const)
        for (const warmupEpochs of [0, 10])
          for (let epoch = 0; epoch < (stepping === 'published-paco' ? 10 : 13); epoch++)
            assert.ok(
              at({ name, stepping, warmupEpochs }, epoch, 3) > 0,
              `${name} ${stepping} ${warmupEpochs} ${epoch}`,
            );
  });

  test('needs a factor for each milestone', () => {
    assert.throws(() => factorAt({ milestones: [1, 2], factors: [1] }, 0), { code: 'RECIPE', message: /1 and 2/ });
  });
});

suite('published teachers on the large data sets', () => {
  const cosine = { name: 'cosine', warmupLr: 0, minLr: 0, cooldownEpochs: 0, milestones: [], factors: [] } as const;

  test('LDAM: a cosine by epoch over all epochs, as CosineAnnealingLR', () => {
    const ldam = { ...cosine, warmupEpochs: 0, stepping: 'epoch' } as const;
    for (let epoch = 0; epoch < 90; epoch++) {
      const lr = learningRate(ldam, { lr: 0.2, epochs: 90 }, { epoch, batch: 3, batches: 9 });
      near(lr, 0.1 * (1 + Math.cos((Math.PI * epoch) / 90)));
    }
  });

  test('PaCo: a warm-up to the full rate, then a cosine one epoch ahead', () => {
    const paco = { ...cosine, warmupEpochs: 10, stepping: 'published-paco' } as const;
    const lrAt = (epoch: number): number =>
      learningRate(paco, { lr: 0.02, epochs: 400 }, { epoch, batch: 0, batches: 1 });
    near(lrAt(0), 0.002);
    near(lrAt(9), 0.02);
    near(lrAt(10), 0.01 * (1 + Math.cos(Math.PI / 391)));
    near(lrAt(399), 0.01 * (1 + Math.cos((Math.PI * 390) / 391)));
    assert.equal(totalEpochs(paco, 400), 400);
  });

  test('radii of SAM by steps', () => {
    const steps = [[0, 0.05], [5, 0.1], [60, 0.5], [75, 0.5]] as const; // biome-ignore format: a table
    const radius = (epoch: number): number => samRadius(epoch, 90, { schedule: 'step', rho: 0.05, steps });
    assert.deepEqual([0, 4, 5, 59, 60, 89].map(radius), [0.05, 0.05, 0.1, 0.1, 0.5, 0.5]);
  });
});

suite('schedules', () => {
  test('scale the learning rate by what an update sees, or as published without accumulation', () => {
    const batch = { lrPer: 512, batchSize: 128, accumulation: 4, world: 2 };
    near(scaledLearningRate(5e-4, { ...batch, lrRule: 'effective' }), 1e-3);
    near(scaledLearningRate(5e-4, { ...batch, lrRule: 'published' }), 2.5e-4);
    assert.equal(scaledLearningRate(0.1, { ...batch, lrRule: 'effective', lrPer: null }), 0.1);
  });

  test('count the cooldown, but not as published', () => {
    assert.equal(totalEpochs(config, 10), 13);
    assert.equal(totalEpochs({ ...config, stepping: 'published' }, 10), 10);
    assert.equal(totalEpochs({ ...config, name: 'step' }, 10), 10);
  });

  test('switch to re-weighting at the epoch of DRW', () => {
    assert.deepEqual([isReweighted(159, 160), isReweighted(160, 160), isReweighted(5, null)], [false, true, false]);
  });

  test('round to half precision, ties to even', () => {
    assert.deepEqual([0, 0.05, 1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -24, 0.1].map(toHalf), [
      0,
      0.04998779296875,
      1,
      1,
      1 + 2 ** -9,
      2 ** -24,
      0.0999755859375,
    ]);
  });

  test('give SAM a radius in a run of one epoch', () => {
    assert.equal(samRadius(0, 1, { schedule: 'linear', rho: 0.8 }), 0.8);
    assert.equal(samRadius(3, 9, { schedule: 'step', rho: 0.2, steps: [[4, 0.5]] }), 0.2);
  });
});

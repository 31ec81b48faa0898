import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { describeDataset } from '../data/describe.js';
import { drawShapes } from '../data/shapes/index.js';
import { measuringSeconds, noMeasurements, planTraining } from './plan-training.js';

const dataset = drawShapes({ trainPerClass: 30, testPerClass: 5, size: 64 });
const settings = ['device=cpu', 'precision=float32'];

/** A machine on which each image of a side takes its time; `seen` are the sides that were measured. */
function machineOf(secondsOf: (side: number) => number) {
  const seen: number[] = [];
  const measure = async ({ student }: { student: { imageSize: number } }) => {
    seen.push(student.imageSize);
    const rate = 1 / secondsOf(student.imageSize);
    return {
      imagesPerSecond: rate,
      teacherImagesPerSecond: rate / 2,
      teacherPlainImagesPerSecond: rate,
      memoryBytes: 5e8,
    };
  };
  return { seen, measure };
}

suite('planTraining()', () => {
  test('measures until the input size that it chooses has been measured', async () => {
    const data = await describeDataset(dataset);
    const { seen, measure } = machineOf((side) => (side > 32 ? 0.2 : 0.002));
    const { plan, recipe } = await planTraining(dataset, data, { seconds: 300, goal: 'accuracy', settings, measure });
    assert.deepEqual([plan.isMeasured, plan.rung.size, seen.at(-1)], [true, 32, 32]);
    assert.ok(plan.seconds.total <= 300);
    assert.deepEqual([recipe.device, recipe.precision, recipe.student.imageSize], ['cpu', 'float32', 32]);
    assert.ok(plan.memoryBytes >= 5e8 && plan.memoryBytes < 64e9);
  });

  test('refuses a time only after it has measured', async () => {
    const data = await describeDataset(dataset);
    const { seen, measure } = machineOf(() => 1);
    const planned = planTraining(dataset, data, { seconds: 10, goal: 'accuracy', settings, measure });
    await assert.rejects(planned, { code: 'USAGE', message: /^--time 10s: the shortest training/ });
    assert.ok(seen.length > 0);
    const fast = machineOf(() => 0.0005);
    const { plan } = await planTraining(dataset, data, {
      seconds: 40,
      goal: 'accuracy',
      settings,
      measure: fast.measure,
    });
    assert.ok(plan.isMeasured && plan.seconds.total <= 40);
  });

  test('measures for a tenth of the time, and estimates the rest from what it measured', async (t) => {
    const data = await describeDataset(dataset);
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const { seen, measure } = machineOf((side) => (side > 64 ? 0.004 : 0.002));
    const given: { seconds?: number; until?: number }[] = [];
    const slow: typeof measure = (recipe, ...more: unknown[]) => {
      given.push(more[1] as (typeof given)[number]);
      now += 25_000;
      return measure(recipe);
    };
    const options = { seconds: 200, goal: 'accuracy', settings, measure: slow } as const;
    const { plan } = await planTraining(dataset, data, options);
    assert.deepEqual(
      given.map(({ seconds, until }) => [seconds, until]),
      [[2, 20_000]],
    );
    assert.ok(plan.isMeasured || plan.isCorrected, `${seen}`);
    assert.deepEqual([null, 20, 200, 6000].map(measuringSeconds), [30, 5, 20, 30]);
  });

  test('leaves to trainings that start at once what the measurement left of the time', async (t) => {
    const data = await describeDataset(dataset);
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const { measure: rates } = machineOf(() => 0.002);
    const measure: typeof rates = (recipe) => {
      now += 8_000;
      return rates(recipe);
    };
    const limitsOf = async (startsAtOnce: boolean): Promise<readonly [limits: number, measured: number]> => {
      now = 0;
      const options = { seconds: 200, goal: 'accuracy', settings, measure, startsAtOnce } as const;
      const { plan, recipe } = await planTraining(dataset, data, options);
      assert.ok(plan.seconds.total <= plan.budget);
      return [recipe.teacher.timeLimit! + recipe.student.timeLimit!, now / 1000];
    };
    for (const [startsAtOnce, counts] of [
      [true, 1],
      [false, 0],
    ] as const) {
      const [limits, measured] = await limitsOf(startsAtOnce);
      const left = 200 - counts * measured - 6; // the start of both
      assert.ok(measured > 0 && limits <= left && limits >= left - 2, `${limits} of ${left} s`);
    }
  });

  test('is the same again with the speeds that were measured, and measures nothing more', async () => {
    const data = await describeDataset(dataset);
    const { seen, measure } = machineOf((side) => 0.00002 * side);
    const options = { seconds: 200, goal: 'accuracy', settings, measured: noMeasurements(), measure } as const;
    const first = await planTraining(dataset, data, options);
    const times = seen.length;
    const second = await planTraining(dataset, data, { ...options, settings: [...settings, 'seed=1'] });
    assert.deepEqual([second.plan, seen.length], [first.plan, times]);
    assert.deepEqual({ ...second.recipe, seed: 0 }, first.recipe);
  });

  test("has the user's settings in the recipe, and the plan's in the base", async () => {
    const data = await describeDataset(dataset);
    const own = [...settings, 'student.epochs=7', 'seed=3', 'data.limit=100'];
    const { plan, recipe, base } = await planTraining(dataset, data, {
      seconds: null,
      goal: 'size',
      settings: own,
      measures: false,
    });
    assert.deepEqual([recipe.student.epochs, recipe.seed, base.seed], [7, 3, 0]);
    assert.deepEqual([recipe.teacher.timeLimit, recipe.data.limit, plan.images], [null, 100, 100]);
  });
});

/** Samplers and schedules of modules of `--plugin`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { learningRate, registerSampler, registerSchedule, z } from '../src/index.js';
import { smallBudget } from '../src/recipe/small-budget.js';
import { trainTeacher } from '../src/training/train.js';
import { deitLt } from './cli-helpers.js';
import { ownProject } from './helpers/own-project.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

const small = ['teacher', '--data', 'shapes', '--recipe', 'quickstart', '--budget', 'small', '--out', 'run'];
const short = ['data.limit=40', 'evaluation.select=last'];

interface Teacher {
  readonly sampler: unknown;
  readonly schedule: unknown;
}

function trained(cwd: string, plugin: string, settings: readonly string[]): { teacher: Teacher; lrs: number[] } {
  const { status, stderr } = deitLt([...small, '--set', ...settings, ...short, '--plugin', plugin], { cwd });
  assert.equal(status, 0, stderr);
  const config = JSON.parse(readFileSync(path.join(cwd, 'run/config.json'), 'utf8')) as {
    recipe: { teacher: Teacher };
  };
  const lines = readFileSync(path.join(cwd, 'run/metrics.jsonl'), 'utf8').trim().split('\n');
  const without = deitLt(['compare', 'run'], { cwd });
  assert.deepEqual([without.status, without.stderr.includes(plugin)], [1, true], without.stderr);
  return { teacher: config.recipe.teacher, lrs: lines.map((line) => (JSON.parse(line) as { lr: number }).lr) };
}

suite('examples/own-sampler', () => {
  test('trains a teacher with its option', (t) => {
    const cwd = ownProject(t, 'own-sampler');
    const settings = ['teacher.sampler.over=2', 'teacher.sampler=progressively-balanced', 'teacher.epochs=1'];
    const { teacher } = trained(cwd, 'progressive.mjs', settings);
    assert.deepEqual(teacher.sampler, { name: 'progressively-balanced', over: 2 });
  });

  test('draws classes by the formula of its first lines, the same again for an epoch', (t) => {
    const script = `import './progressive.mjs';
      import { createSampler } from 'deit-lt';
      const labels = Int32Array.from({ length: 9000 }, (_, i) => (i < 8000 ? 0 : i < 8900 ? 1 : 3));
      const draw = createSampler('progressively-balanced', { over: 10 });
      const shares = (epoch) => [0, 1, 2, 3].map((c) =>
        draw(labels, 4, { seed: 1, epoch }).filter((image) => labels[image] === c).length / labels.length);
      console.log(JSON.stringify([shares(0), shares(5), shares(5), shares(20)]));`;
    const words = ['--input-type=module', '-e', script];
    const { stdout, stderr } = spawnSync(process.execPath, words, {
      cwd: ownProject(t, 'own-sampler'),
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    const [first, half, again, last] = JSON.parse(stdout) as number[][];
    const data = [8 / 9, 0.1, 0, 1 / 90];
    const balanced = [1 / 3, 1 / 3, 0, 1 / 3];
    const near = (actual: readonly number[], expected: readonly number[]): void =>
      actual.forEach((share, c) => {
        // Five standard deviations of a share of 9,000 draws.
        assert.ok(Math.abs(share - expected[c]!) < 5 * Math.sqrt(0.25 / 9000), `${actual} is not ${expected}`);
      });
    near(first!, data);
    near(
      half!,
      data.map((share, c) => (share + balanced[c]!) / 2),
    );
    near(last!, balanced);
    assert.deepEqual(half, again);
  });
});

suite('registerSampler()', () => {
  test('a sampler whose epochs differ in length ends the training with its name', async (t) => {
    registerSampler({
      name: 'shrinking',
      options: z.object({}),
      create:
        () =>
        (labels, _, { epoch }) =>
          new Int32Array(labels.length - 20 * epoch),
    });
    const recipe = tinyRecipe('teacher.sampler=shrinking');
    await assert.rejects(
      trainTeacher({ dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run') }),
      {
        code: 'PLUGIN',
        message:
          /the sampler "shrinking" cannot be used: it must return as many images in every epoch, and returned 32/,
      },
    );
  });
});

suite('examples/own-schedule', () => {
  test('trains a teacher with its options, whose learning rates are those of its formula', (t) => {
    const cwd = ownProject(t, 'own-schedule');
    const settings = ['teacher.schedule=stable-decay', 'teacher.schedule.decay=0.5', 'teacher.epochs=4'];
    const more = ['teacher.schedule.warmupEpochs=0', 'teacher.schedule.stepping=epoch', 'teacher.optimizer.lr=0.04'];
    const { teacher, lrs } = trained(cwd, 'stable-decay.mjs', [...settings, ...more]);
    assert.deepEqual(teacher.schedule, {
      ...{ name: 'stable-decay', warmupEpochs: 0, warmupLr: 0 },
      ...{ decay: 0.5, minLr: 0, stepping: 'epoch' },
    });
    assert.deepEqual(lrs, [0.04, 0.04, 0.04, 0.02]);
  });
});

suite('registerSchedule()', () => {
  const span = { lr: 1, epochs: 10 };
  const place = { epoch: 6, batch: 0, batches: 10 };

  test('has a warm-up before it, a cooldown, and options in epochs that may be shares', async () => {
    registerSchedule({
      name: 'cut',
      options: z.object({
        from: z.number().default(0.5).describe('epoch from which the learning rate is a tenth'),
        more: z.number().int().default(0).describe('epochs after the last'),
      }),
      epochOptions: ['from', 'more'],
      cooldown: ({ more }) => more,
      create:
        ({ from }, { lr }) =>
        ({ time }) =>
          time < from ? lr : lr / 10,
    });
    const recipe = tinyRecipe('teacher.schedule={ name: cut, more: 1, stepping: epoch }', 'teacher.epochs=10');
    const { schedule } = recipe.teacher;
    assert.deepEqual([schedule.from, schedule.warmupEpochs], [5, 1]);
    const lrs = [0, 1, 4, 5, 10].map((epoch) => learningRate(schedule, span, { ...place, epoch }));
    assert.deepEqual(lrs, [1, 1, 1, 0.1, 0.1]);
    assert.deepEqual(smallBudget(recipe).teacher.schedule.from, 1);
  });

  test('trains the epochs of its cooldown', async (t) => {
    const reporter = recording();
    const recipe = tinyRecipe('teacher.schedule={ name: cut, more: 1 }', 'teacher.epochs=1', 'teacher.drw.epoch=null');
    await trainTeacher({ dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run'), reporter });
    assert.equal(reporter.records.length, 2);
  });

  test('keeps the keys that all schedules have, and not options of the same name with another meaning', () => {
    registerSchedule({
      name: 'floor',
      options: z.object({ minLr: z.number().default(0.25).describe('share of the learning rate') }),
      create:
        ({ minLr }, { lr }) =>
        () =>
          minLr * lr,
    });
    const { schedule } = tinyRecipe('student.schedule.minLr=0.5', 'student.schedule=floor').student;
    assert.equal(schedule.minLr, 0.5); // given for it, in whatever order
    const { minLr, warmupEpochs } = tinyRecipe('student.schedule={ name: floor }').student.schedule;
    assert.deepEqual([minLr, warmupEpochs], [0.25, 1]);
    assert.throws(() => tinyRecipe('teacher.schedule=floor', 'teacher.schedule.factors=[2]'), {
      code: 'RECIPE',
      message: /the schedule "floor" has no option "factors"/,
    });
  });

  test('refuses an option with the name of a common key, and what is not a learning rate', () => {
    const options = z.object({ stepping: z.string().default('') });
    assert.throws(() => registerSchedule({ name: 'own-step', options, create: () => () => 1 }), {
      code: 'PLUGIN',
      message: /"own-step" cannot be registered: recipes have "stepping" beside its options/,
    });
    registerSchedule({ name: 'nan', options: z.object({}), create: () => () => Number.NaN });
    const { schedule } = tinyRecipe('teacher.schedule={ name: nan }').teacher;
    assert.throws(() => learningRate(schedule, span, place), {
      code: 'PLUGIN',
      message: /^the schedule "nan" cannot be used: it must return a learning rate, and returned NaN at epoch 6\.$/,
    });
  });
});

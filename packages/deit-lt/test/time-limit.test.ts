/** Trainings with a limit of time: they end in it, with schedules that have ended, and resume. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { loadRecipe } from '../src/recipe/load.js';
import type { StepReport } from '../src/runs/reporter.js';
import { RunFolder, readRunConfig } from '../src/runs/run-folder.js';
import { FollowedRun } from '../src/studio/followed-run.js';
import { trainStudent, trainTeacher } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

const many = (part: string, seconds: number): string[] => [
  `${part}.epochs=400`,
  `${part}.timeLimit=${seconds}`,
  `${part}.drw.epoch=0.5`,
  `${part}.schedule={ name: one-cycle, warmupEpochs: 0.1, minLr: 0, stepping: update }`,
];

/** A clock that only `step` moves, by 0.1 s: tests must not depend on the speed of the machine. */
function steppedClock(t: TestContext): { readonly step: () => void; readonly seconds: () => number } {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const step = (): void => {
    now += 100;
  };
  return { step, seconds: () => now / 1000 };
}

suite('a training with a limit of time', { timeout: 120_000 }, () => {
  test('has fewer epochs, a learning rate that ends, and its part of re-weighted ones', async (t) => {
    const folder = path.join(temporaryFolder(t), 'teacher');
    const clock = steppedClock(t);
    const steps: StepReport[] = [];
    const notes: string[] = [];
    const totals: (number | undefined)[] = [];
    const reporter = reporting({
      epoch: (_, epochs) => void totals.push(epochs),
      step: (step) => {
        clock.step();
        steps.push(step);
      },
      note: (...lines) => void notes.push(...lines),
    });
    const recipe = tinyRecipe(...many('teacher', 6));
    const { evaluation } = await trainTeacher({ dataset: tinyDataset(), recipe, folder, reporter });
    assert.ok(clock.seconds() <= 6.1 && clock.seconds() > 4, `${clock.seconds()} s`);
    const records = new RunFolder(folder).readMetrics();
    assert.ok(records.length > 4 && records.length < 30, `${records.length} epochs`);
    assert.ok(evaluation);
    const rates = steps.map(({ lr }) => lr);
    assert.ok(rates.at(-1)! < 0.1 * Math.max(...rates), `the last of ${rates.length} rates is ${rates.at(-1)}`);
    const reweighted = records.filter(({ drw }) => drw).length / records.length;
    assert.ok(reweighted > 0.25 && reweighted < 0.75, `${reweighted} of the epochs are re-weighted`);
    const note = /^teacher: the time limit of 6 s left time for ([\d.]+) of 400 epochs; learning rate and re-weighting/;
    assert.equal(Math.ceil(Number(note.exec(notes.at(-1)!)?.[1])), records.length, notes.join('\n'));
    assert.deepEqual(
      [totals.length, totals.at(-1)],
      [records.length, records.length],
      'the last line counts to the end',
    );
    assert.equal(readRunConfig(folder).recipe.teacher.timeLimit, 6);

    const followed = new FollowedRun('x', folder);
    followed.look(Date.now());
    assert.deepEqual([followed.view?.state, followed.view?.epochs], ['finished', records.length]);

    const again = await trainTeacher({ dataset: tinyDataset(), recipe, folder, resume: true });
    assert.equal(new RunFolder(folder).readMetrics().length, records.length, 'a finished run is not changed');
    assert.equal(again.evaluation?.avg.overall, evaluation.avg.overall);
  });

  test('has the time that is left when it resumes', async (t) => {
    const folder = temporaryFolder(t);
    const clock = steppedClock(t);
    const dataset = tinyDataset();
    const short = [
      'teacher.epochs=1',
      'teacher.drw.epoch=null',
      'teacher.schedule={ name: constant, warmupEpochs: 0 }',
    ];
    const teacher = await trainTeacher({ dataset, recipe: tinyRecipe(...short), folder: path.join(folder, 'teacher') });
    const recipe = tinyRecipe(...many('student', 6));
    const run = { dataset, recipe, folder: path.join(folder, 'student'), teacher: teacher.folder };
    const stop = new AbortController();
    const stopLate = reporting({
      step: ({ epoch }) => {
        clock.step();
        if (epoch === 2) stop.abort();
      },
    });
    await assert.rejects(trainStudent({ ...run, reporter: stopLate, signal: stop.signal }), { code: 'INTERRUPTED' });
    await trainStudent({ ...run, resume: true, reporter: reporting({ step: clock.step }) });
    assert.ok(clock.seconds() <= 6.3 && clock.seconds() > 4, `${clock.seconds()} s`);
    const records = new RunFolder(run.folder).readMetrics();
    assert.deepEqual(
      records.map(({ epoch }) => epoch),
      records.map((_, i) => i),
    );
    assert.ok(records.length > 3 && records.length < 30, `${records.length} epochs`);
    assert.ok(records.at(-1)!.drw && !records[0]!.drw);
  });

  test('is not limited by the recipes that come with the project', () => {
    const { teacher, student } = loadRecipe('quickstart');
    assert.deepEqual([teacher.timeLimit, student.timeLimit], [null, null]);
  });
});

import assert from 'node:assert/strict';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { makeRun } from '../../test/helpers/made-runs.js';
import { temporaryFolder } from '../../test/helpers/temporary-folder.js';
import { headline, readRuns } from './report-run.js';

suite('headline()', () => {
  for (const weights of ['ema', 'raw'])
    test(`of a run in training is of the weights that its recipe keeps: ${weights}`, (t) => {
      const settings = [`student.weights=${weights}`];
      const folder = path.join(temporaryFolder(t), 'run');
      const [run] = readRuns([makeRun(folder, { kind: 'student', classes: 3, settings })]);
      const [record] = run!.records;
      const averaged = { ...record!.evaluation!, avg: { ...record!.evaluation!.avg, overall: 1 } };
      const records = [{ ...record!, emaEvaluation: averaged }];
      const found = headline({ ...run!, records, evaluation: undefined })!;
      assert.equal(found.figures, weights === 'ema' ? averaged : record!.evaluation);
    });
});

suite('readRuns()', () => {
  for (const [what, change, message] of [
    [
      'names of other classes',
      { classNames: ['cats & <dogs>', 'x', 'class 2'] },
      /figures are of other classes than config\.json has.*class 2 is "x" and "class 1".*eval/,
    ],
    [
      'fewer names',
      { classNames: ['x'] },
      /evaluation\.json cannot be used: it has accuracies of 1 classes, but the run has 3/,
    ],
    [
      'names that are none',
      { classNames: [1, {}, null] },
      /evaluation\.json cannot be used: classNames\.0: expected string/,
    ],
    ['a group that is none', { groups: ['head', 'mid', {}] }, /evaluation\.json cannot be used: groups\.2/],
    [
      'an interval that is none',
      { avg: { overall: 50, intervals: { head: 'wide' } } },
      /evaluation\.json cannot be used: .*intervals/,
    ],
  ] as const)
    test(`refuses an evaluation with ${what}`, (t) => {
      const run = makeRun(path.join(temporaryFolder(t), 'run'), { kind: 'student', classes: 3 });
      const file = path.join(run, 'evaluation.json');
      const evaluation = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...evaluation, ...change }));
      assert.throws(() => readRuns([run]), { code: 'RUN_FOLDER', message });
    });

  test('names a metrics.jsonl that cannot be opened', (t) => {
    const run = makeRun(path.join(temporaryFolder(t), 'run'), { kind: 'student', classes: 3 });
    const file = path.join(run, 'metrics.jsonl');
    rmSync(file);
    symlinkSync('metrics.jsonl', file);
    assert.throws(() => readRuns([run]), { code: 'RUN_FOLDER', message: /metrics\.jsonl cannot be read: ELOOP/ });
  });
});

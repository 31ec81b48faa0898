import assert from 'node:assert/strict';
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

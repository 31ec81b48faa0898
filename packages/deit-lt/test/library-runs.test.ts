/** A run that a program trains, measures, reads and reports by the library alone. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { analyzeRun, makeReport, RunFolder, readRuns, trainTeacher } from '../src/index.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { tinyDataset, tinyRecipe } from './training-tiny.js';

suite('analyzeRun(), readRuns(), makeReport() and RunFolder', () => {
  test('measure and show the run that a training wrote', async (t) => {
    const folder = path.join(temporaryFolder(t), 'run');
    const recipe = tinyRecipe('teacher.epochs=1');
    const { evaluation } = await trainTeacher({ dataset: tinyDataset(), recipe, folder });
    const run = new RunFolder(folder);
    assert.equal(run.readEvaluation()?.avg.overall, evaluation?.avg.overall);
    assert.deepEqual([run.hasCheckpoint('best'), run.readMetrics().length], [true, 1]);
    const { analysis } = await analyzeRun(folder, tinyDataset());
    assert.equal(analysis.outputs.avg?.accuracy.overall, evaluation?.avg.overall);
    const { html, notes } = await makeReport(readRuns([folder]));
    assert.match(html, /<title>DeiT-LT: run<\/title>/);
    assert.equal(
      notes.some((note) => note.includes('was not analysed')),
      false,
    );
  });

  test('refuse a folder without a run by name', () => {
    assert.throws(() => readRuns(['no-such-run']), { code: 'RUN_FOLDER', message: /no-such-run/ });
  });
});

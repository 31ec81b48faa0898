/** What `--resume` finds in a run folder. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { type EarlierRun, earlierRun } from '../src/cli/earlier-run.js';
import { parseWords } from '../src/cli/program.js';
import { makeRun } from './helpers/made-runs.js';
import { temporaryFolder } from './helpers/temporary-folder.js';

const silent = { writeOut: () => {}, writeErr: () => {} };

function found(folder: string, command: string): EarlierRun {
  const run = earlierRun(folder, { command, given: {}, parse: (words) => parseWords(words, silent) });
  assert.ok(run);
  return run;
}

test('a folder without a run has none to resume, which is not an error: restart loops give --resume from the first start on', (t) => {
  const folder = temporaryFolder(t);
  assert.equal(earlierRun(folder, { command: 'train', given: {}, parse: () => undefined }), undefined);
});

suite('a run of "deit-lt train"', () => {
  test('resumes as a whole, and none of its models resumes as another run in it', (t) => {
    const folder = temporaryFolder(t);
    for (const kind of ['teacher', 'student'] as const) makeRun(path.join(folder, kind), { kind, classes: 2 });
    assert.equal(found(folder, 'train').options.data, 'my images');
    assert.throws(() => found(path.join(folder, 'student'), 'train'), {
      code: 'RUN_FOLDER',
      message: `${folder}/student is one model of a run of "deit-lt train": resume the whole run, with --out ${folder}.`,
    });
  });
});

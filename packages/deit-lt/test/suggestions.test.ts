/** What commands say beside their results: suggested commands, runs that are left out, and which weights are used. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { findModels } from '../src/analysis/compared-runs.js';
import { checkpointFile } from '../src/classifier/classifier.js';
import { weightsLines } from '../src/cli/weights-line.js';
import { unreachedReweighting } from '../src/recipe/contradictions.js';
import { makeReport } from '../src/report/report.js';
import { readRuns } from '../src/report/report-run.js';
import { recordedDataWords } from '../src/runs/recorded-data.js';
import { suggestedCommand } from '../src/suggested-command.js';
import { notFinite } from '../src/training/not-finite.js';
import { noteOnce } from '../src/training/note-once.js';
import { trainTeacher } from '../src/training/train.js';
import { makeRun } from './helpers/made-runs.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { reporting, tinyDataset, tinyRecipe } from './training-tiny.js';

/** Changes a run to one whose loss only a module that is not loaded registers. */
function needPlugin(run: string): void {
  const file = path.join(run, 'config.json');
  const config = JSON.parse(readFileSync(file, 'utf8'));
  config.recipe.teacher.loss = { name: 'of-a-module' };
  writeFileSync(file, JSON.stringify({ ...config, plugins: [{ path: '/own/loss.mjs', sha256: 'f'.repeat(64) }] }));
}

suite('a folder of runs of which one cannot be opened', () => {
  const runs = (folder: string): string[] =>
    ['a', 'b', 'c'].map((name) => makeRun(path.join(folder, 'runs', name), { kind: 'teacher', classes: 3 }));

  test('is compared and reported without it, with a note that names it and the reason', async (t) => {
    const folder = temporaryFolder(t);
    const [, second] = runs(folder);
    needPlugin(second!);
    const reason = new RegExp(`${second} is left out: .*add --plugin /own/loss\\.mjs`);
    const place = path.join(folder, 'runs');
    const { models, skipped } = findModels([place]);
    assert.deepEqual(
      models.map(({ name }) => name),
      ['a', 'c'],
    );
    assert.match(`${skipped[0]!.folder} is left out: ${skipped[0]!.reason}`, reason);
    const notes: string[] = [];
    const read = readRuns([place], (note) => notes.push(note));
    assert.deepEqual(
      read.map(({ name, place: at }) => [name, at]),
      [
        ['a', 0],
        ['c', 1],
      ],
    );
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, reason);
  });

  test('is an error when it was named, or when no run can be opened', (t) => {
    const folder = temporaryFolder(t);
    const [first, second, third] = runs(folder);
    needPlugin(second!);
    const refused = { code: 'PLUGIN', message: /add --plugin/ };
    assert.throws(() => findModels([first!, second!]), refused);
    assert.throws(() => readRuns([second!]), refused);
    for (const run of [first!, third!]) needPlugin(run);
    assert.throws(() => findModels([path.join(folder, 'runs')]), refused);
  });
});

suite('suggested commands', () => {
  test('name the data of the run, with the options that find the same images', async (t) => {
    const command = ['npx', 'deit-lt', 'train', '--data', '/my images', '--split', '0.1', '--skip-bad', '--root=/r'];
    const words = ['--data', '/my images', '--split', '0.1', '--root', '/r', '--skip-bad'];
    assert.deepEqual(recordedDataWords({ command }), words);
    assert.deepEqual(recordedDataWords({ command: [] }), ['--data', 'DATA']);
    const run = makeRun(path.join(temporaryFolder(t), 'run'), { kind: 'teacher', classes: 3 });
    const { notes } = await makeReport(readRuns([run]), { resamples: 10 });
    assert.ok(
      notes.some((note) => note.includes(suggestedCommand('analyze', run, '--data', 'my images'))),
      notes[0],
    );
  });
});

suite('predict', () => {
  test('of a folder with runs in it names them', (t) => {
    const folder = temporaryFolder(t);
    const place = path.join(folder, 'runs');
    const first = makeRun(path.join(place, 'first'), { kind: 'teacher', classes: 3 });
    makeRun(path.join(place, 'second/student'), { kind: 'student', classes: 3 });
    mkdirSync(path.join(place, 'other'));
    assert.throws(() => checkpointFile(place, 'best'), {
      code: 'RUN_FOLDER',
      message: `${place} is not a run folder. It has these runs in it; name one: ${first}, ${path.join(place, 'second')}.`,
    });
    assert.throws(() => checkpointFile(path.join(place, 'other'), 'best'), { message: /is it a run folder/ });
  });

  test('says which weights of a run it uses', () => {
    const { teacher, student } = tinyRecipe();
    const best = '/r/checkpoints/best.safetensors';
    assert.deepEqual(weightsLines({ file: best, epoch: 11, recipe: student }, {}), [
      `weights: best checkpoint, epoch 12, averaged (EMA) (${best})`,
    ]);
    const last = { file: '/r/checkpoints/last.safetensors', epoch: null, recipe: teacher };
    assert.match(weightsLines(last, {})[0]!, /^weights: last checkpoint, as trained, without averaging \(/);
    assert.match(weightsLines(last, { weights: 'ema' })[0]!, /averaged \(EMA\)/);
    assert.deepEqual(weightsLines({ ...last, file: 'vit.safetensors' }, {}), []);
  });
});

suite('a training', () => {
  test('advises the learning rate of the recipe when a higher one was set, else a quarter', () => {
    const rate = (baseRate: number | undefined, ...settings: string[]): string => {
      const recipe = tinyRecipe(...settings).teacher;
      const run = { hasCheckpoint: () => false } as never;
      const { message } = notFinite({ run, recipe, task: { kind: 'teacher' } as never, baseRate }, 'x');
      return /optimizer\.lr=(\S+)\)/.exec(message)![1]!;
    };
    assert.equal(rate(0.1, 'teacher.optimizer.lr=900'), '0.1');
    assert.equal(rate(0.1, 'teacher.optimizer.lr=0.1'), '0.025');
    assert.equal(rate(0.1, 'teacher.optimizer.lr=0.08'), '0.02');
    assert.ok(Number(rate(undefined, 'teacher.optimizer.lr=900')) < 50);
  });

  test('warns of re-weighting that does not begin, with a share that begins it where there is one', () => {
    const warning = (epochs: number) => unreachedReweighting('teacher', { drw: { epoch: 9, beta: 0.9 }, epochs });
    assert.match(warning(4)!, /there are 4 epochs: there will be no re-weighting \(--set teacher\.drw\.epoch=0\.85/);
    assert.match(warning(2)!, /there are 2 epochs: there will be no re-weighting, for which so few are not enough$/);
    assert.match(warning(1)!, /there is 1 epoch: /);
    assert.equal(warning(10), undefined);
  });

  test('that cannot be resumed is refused before its warnings', async (t) => {
    const options = { dataset: tinyDataset(), folder: path.join(temporaryFolder(t), 'run') };
    const notes: string[] = [];
    const reporter = reporting({ note: (...lines) => notes.push(...lines) });
    const short = ['teacher.epochs=1', 'teacher.model.width=4', 'teacher.drw.epoch=5'];
    await trainTeacher({ ...options, recipe: tinyRecipe(...short), reporter });
    assert.ok(notes.some((note) => /fewer than 20/.test(note)) && notes.some((note) => /no re-weighting/.test(note)));
    notes.length = 0;
    const changed = { ...options, recipe: tinyRecipe(...short, 'teacher.batchSize=6'), resume: true };
    await assert.rejects(trainTeacher({ ...changed, reporter: reporting({ note: (line) => notes.push(line!) }) }), {
      code: 'RUN_FOLDER',
      message: /cannot be resumed: its recipe differs in teacher\.batchSize/,
    });
    assert.deepEqual(notes, []);
  });

  test('reports the same warning once to a reporter', () => {
    const notes: string[] = [];
    const reporter = reporting({ note: (...lines) => notes.push(...lines) });
    for (const note of ['few images', 'few images', 'another', 'few images']) noteOnce(reporter, note);
    noteOnce(reporting({ note: (...lines) => notes.push(...lines) }), 'another');
    assert.deepEqual(notes, ['few images', 'another', 'another']);
  });
});

test('a campaign names its options when one is unknown, without a stack trace', () => {
  const script = path.resolve(import.meta.dirname, '../../../../bench/dist/robustness/engine.js');
  const { status, stderr } = spawnSync(process.execPath, [script, '--nonsense'], { encoding: 'utf8' });
  assert.equal(stderr, "Unknown option '--nonsense'; the options are --calls, --seed, --heap\n");
  assert.equal(status, 2);
});

/** `deit-lt study ladder`: its file, its figures, and a whole study in small. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { readChanges } from '../src/studies/ladder/changes.js';
import { estimateOf } from '../src/studies/ladder/estimate.js';
import { type LadderStudy, runLadder } from '../src/studies/ladder/study.js';

import { deitLt } from './helpers/standing-process.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

suite('readChanges()', () => {
  test('reads names and settings, and refuses other files with an example', (t) => {
    const file = path.join(temporaryFolder(t), 'changes.yaml');
    const refused = (text: string, message: RegExp): void => {
      writeFileSync(file, text);
      assert.throws(() => readChanges(file), { code: 'RECIPE', message });
    };
    writeFileSync(
      file,
      '- name: stem\n  set: [student.model.patchEmbed=conv]\n- { name: long, set: [student.epochs=9] }',
    );
    assert.deepEqual(readChanges(file), [
      { name: 'stem', set: ['student.model.patchEmbed=conv'] },
      { name: 'long', set: ['student.epochs=9'] },
    ]);
    refused('stem: 1', /expected array/);
    refused('- name: stem', /entry 0\.set/);
    refused('- { name: a, set: [x=1] }\n- { name: a, set: [y=1] }', /two changes are called "a"/);
    refused('[', /cannot be read/);
    refused('[]', /changes\.yaml/);
    rmSync(file);
    assert.throws(() => readChanges(file), { code: 'RECIPE', message: /changes\.yaml cannot be read/ });
  });
});

suite('estimateOf()', () => {
  test("has the interval of Student's t: of 1, 2, 3 it is 2 ± 4.303 · 1/√3", () => {
    const { mean, interval } = estimateOf([1, 2, 3]);
    assert.equal(mean, 2);
    assert.ok(Math.abs(interval!.high - 2 - 4.303 / Math.sqrt(3)) < 1e-12);
    assert.ok(Math.abs(2 - interval!.low - 4.303 / Math.sqrt(3)) < 1e-12);
    assert.deepEqual(estimateOf([5]), { mean: 5, interval: null });
    assert.deepEqual(estimateOf([5, null]), { mean: null, interval: null });
  });
});

suite('runLadder()', () => {
  test('trains every rung with every seed, each teacher once, and repeats nothing when it resumes', async (t) => {
    const folder = temporaryFolder(t);
    const small = ['teacher.model.width=4', 'teacher.epochs=1', 'student.epochs=1', 'teacher.sam.rho=0'];
    const rung = (name: string, ...more: string[]) => ({
      name,
      recipe: tinyRecipe(...small, 'student.ema=null', 'student.weights=raw', ...more),
    });
    const rungs = [
      rung('the recipe'),
      rung('+ stem', 'student.model.patchEmbed=conv'),
      rung('+ no momentum', 'student.model.patchEmbed=conv', 'teacher.optimizer.momentum=0'),
    ];
    const reporter = recording();
    const options = { dataset: tinyDataset(), folder };
    const study = await runLadder({ ...options, reporter }, rungs, [0, 3]);
    assert.equal(reporter.records.length, 2 * (2 + 3), 'two teachers and three students for each seed');
    const [first, second, third] = study.rungs;
    assert.deepEqual(
      first!.runs.map(({ seed }) => seed),
      [0, 3],
    );
    assert.equal(second!.runs[0]!.teacher, first!.runs[0]!.teacher);
    assert.notEqual(third!.runs[0]!.teacher, first!.runs[0]!.teacher);
    assert.equal(first!.change, null);
    const balanced = (run: number, of = second): number => of!.runs[run]!.accuracy.balanced!;
    const change = (balanced(0) - balanced(0, first) + balanced(1) - balanced(1, first)) / 2;
    assert.ok(Math.abs(second!.change!.mean! - change) < 1e-9);
    assert.ok(second!.change!.interval !== null);
    assert.deepEqual(JSON.parse(readFileSync(path.join(folder, 'ladder.json'), 'utf8')), study);

    const again = recording();
    assert.deepEqual(await runLadder({ ...options, resume: true, reporter: again }, rungs, [0, 3]), study);
    assert.equal(again.records.length, 0);
  });
});

suite('deit-lt study ladder', () => {
  test('prints a table, and resumes with the same command', (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'changes.yaml');
    writeFileSync(file, '- { name: plain, set: [student.clsLoss=cross-entropy] }');
    const out = path.join(folder, 'out');
    const words = `study ladder --changes ${file} --seeds 1 --data shapes --recipe quickstart --budget small --out ${out}`;
    const short = ['--set', 'data.limit=40', 'teacher.epochs=1', 'student.epochs=1', 'device=cpu'];
    const { status, stdout, stderr } = deitLt([...words.split(' '), ...short]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /rung +balanced +change/);
    assert.match(stdout, /the recipe +\d/);
    assert.match(stdout, /\+ plain +\d/);
    assert.match(stdout, /With one seed there are no intervals/);
    assert.ok(existsSync(path.join(out, 'ladder.md')));
    const resumed = deitLt([...words.split(' '), ...short, '--resume', '--json']);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.equal((JSON.parse(resumed.stdout) as LadderStudy).rungs.length, 2);
  });

  test('refuses wrong changes, a missing file and its options in another study', (t) => {
    const words = ['study', 'ladder', '--data', 'shapes'];
    const file = path.join(temporaryFolder(t), 'changes.yaml');
    const given = [...words, '--recipe', 'quickstart', '--budget', 'small', '--changes', file];
    for (const [set, message] of [
      ['student.model.patchEmbed=conv', /changes\.yaml, "\+ a": the recipe has these values already/],
      ['student.epoch=1', /changes\.yaml, "\+ a": .*student\.epoch/],
    ] as const) {
      writeFileSync(file, `- { name: a, set: [${set}] }`);
      const { status, stderr } = deitLt([...given, '--out', path.join(path.dirname(file), 'out')]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
    assert.match(deitLt(words).stderr, /--changes is missing/);
    assert.match(
      deitLt([...words, '--changes', 'none.yaml']).stderr,
      /none\.yaml cannot be read: there is no such file/,
    );
    const other = deitLt(['study', 'ood', '--data', 'shapes', '--seeds', '1']);
    assert.deepEqual([other.status, /--seeds is for "study ladder"/.test(other.stderr)], [2, true]);
    const unknown = deitLt(['study', 'stairs', '--data', 'shapes']);
    assert.match(unknown.stderr, /expected "ood" or "ladder"/);
  });
});

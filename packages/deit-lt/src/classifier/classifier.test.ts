import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { checkpointFile, openClassifier } from './classifier.js';

suite('checkpointFile()', () => {
  test('is of the student in a run of several models, also while it has no best one', (t) => {
    const run = temporaryFolder(t);
    const file = (model: string, name: string): string => path.join(run, model, 'checkpoints', `${name}.safetensors`);
    for (const name of ['best', 'last']) write(file('teacher', name), '');
    assert.equal(checkpointFile(run, 'best'), file('teacher', 'best'));
    write(file('student', 'last'), '');
    assert.equal(checkpointFile(run, 'best'), file('student', 'last'));
    write(file('student', 'best'), '');
    assert.equal(checkpointFile(run, 'best'), file('student', 'best'));
    assert.equal(checkpointFile(run, 'last'), file('student', 'last'));
  });

  test('is never the last one of a teacher in place of the student', (t) => {
    const run = temporaryFolder(t);
    const file = (model: string, name: string): string => path.join(run, model, 'checkpoints', `${name}.safetensors`);
    for (const name of ['best', 'last']) write(file('teacher', name), '');
    write(file('student', 'best'), '');
    assert.throws(() => checkpointFile(run, 'last'), {
      code: 'RUN_FOLDER',
      message: /has no checkpoints\/last\.safetensors/,
    });
  });
});

suite('openClassifier()', () => {
  test('refuses a checkpoint that is a folder or a pipe', async (t) => {
    const folder = temporaryFolder(t);
    const file = path.join(folder, 'checkpoints', 'best.safetensors');
    mkdirSync(file, { recursive: true });
    const refused = (what: string) => ({
      code: 'CHECKPOINT',
      message: `${file} cannot be used: it is ${what}, not a file.`,
    });
    await assert.rejects(openClassifier(folder), refused('a folder'));
    if (process.platform === 'win32') return;
    rmSync(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    await assert.rejects(openClassifier(folder), refused('a device or a pipe'));
  });
});

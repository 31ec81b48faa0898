import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { checkpointFile } from './classifier.js';

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
});

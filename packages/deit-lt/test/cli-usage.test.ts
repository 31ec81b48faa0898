import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { deitLt } from './helpers/standing-process.js';

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-cli-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** The words, the exit code, and what the message says. */
const mistakes: readonly (readonly [words: string, status: number, message: RegExp])[] = [
  ['trian', 2, /unknown command 'trian'; did you mean train\?/],
  ['train --dta x', 2, /unknown option '--dta'; did you mean --data\?\nSee: deit-lt train --help/],
  ['train --data shapes --epochs 90', 2, /--set teacher\.epochs=90 or --set student\.epochs=90/],
  ['train', 2, /--data is missing/],
  ['train --resume', 2, /--resume needs the run folder: --out DIR/],
  ['student --data shapes', 2, /--teacher is missing/],
  ['student --data shapes --teacher none', 1, /--teacher none does not exist/],
  ['train --data shapes --recipe quikstart', 2, /did you mean "quickstart"/],
  ['train --data shapes --recipe none.yaml', 2, /none\.yaml: no such recipe file/],
  ['train --data shapes --set student.epoch=4', 2, /no recipe has "student\.epoch"; did you mean "epochs"/],
  ['recipes quickstart --set student.epochs=0', 2, /student\.epochs: expected a value/],
  ['train --data shapes --out ', 2, /--out: expected a value, got ""\nSee: deit-lt train --help/],
  [
    `train --data shapes --out ${import.meta.filename}`,
    1,
    /cli-usage\.test\.js is a file; expected a new or empty folder/,
  ],
  ['inspect shapes --no-speed --svg none/x.svg', 1, /cannot write none\/x\.svg: its folder does not exist/],
  ['recipes show', 2, /the name of a recipe is missing/],
  ['recipes --diff default', 2, /the name of a recipe is missing/],
  ['recipes default quickstart', 2, /To compare two: deit-lt recipes show default --diff quickstart/],
  ['recipes show default --diff quikstart', 2, /did you mean "quickstart"/],
  ['teacher --data nowhere --recipe cifar10-lt-50 --set teacher.external=true', 2, /deit-lt student --teacher RUN/],
  ['train --data nowhere', 1, /the data set "nowhere" does not exist/],
  [
    'train --resume --out nowhere',
    2,
    /nowhere has no run to resume. To start one there, --data is missing.*\nFor example: deit-lt train --data cifar10 --out nowhere --resume/,
  ],
  ['student --resume --out nowhere --data shapes', 2, /--teacher is missing/],
  ['eval nowhere --data shapes', 1, /nowhere does not exist; expected a run folder/],
  ['predict nowhere none.jpg', 1, /none\.jpg does not exist/],
];

suite('deit-lt, used wrongly,', () => {
  for (const [words, status, message] of mistakes)
    test(`says what is wrong with "deit-lt ${words}"`, () => {
      const result = deitLt(words.split(' '));
      assert.match(result.stderr, message);
      assert.match(result.stderr, /^deit-lt: /);
      assert.equal(result.status, status);
      assert.equal(result.stdout, '');
      assert.doesNotMatch(result.stderr, /\n {4}at |bug/, 'no stack trace');
    });

  test('shows the help when it is called with nothing', () => {
    const { status, stderr } = deitLt([]);
    assert.equal(status, 2);
    assert.match(stderr, /^Usage: deit-lt .*deit-lt: a command is missing/s);
  });

  test('does not touch a folder that has something', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(path.join(folder, 'thesis.txt'), 'x');
    const { status, stderr } = deitLt(['train', '--data', 'shapes', '--out', folder]);
    assert.equal(status, 1);
    assert.match(stderr, /is not empty/);
  });

  test('needs no --data for a quickstart that is begun with --resume', () => {
    const { status, stderr } = deitLt(['quickstart', '--resume', '--out', 'nowhere', '--set', 'student.epoch=4']);
    assert.equal(status, 2);
    assert.match(stderr, /did you mean "epochs"/);
  });

  test('reports a working folder that was removed', {
    skip: process.platform === 'win32' && 'no such folder',
  }, (t) => {
    const script = 'mkdir "$1/gone" && cd "$1/gone" && rmdir "$1/gone" && exec "$2" "$3" doctor';
    const bin = path.resolve(import.meta.dirname, '../../bin/deit-lt.mjs');
    const words = ['-c', script, 'bash', temporaryFolder(t), process.execPath, bin];
    const { status, stderr } = spawnSync('bash', words, { encoding: 'utf8' });
    assert.equal(
      stderr,
      'deit-lt: the working folder does not exist any more; change to another folder and try again.\n',
    );
    assert.equal(status, 1);
  });
});

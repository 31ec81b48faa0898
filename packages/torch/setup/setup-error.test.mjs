import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { suite, test } from 'node:test';

const cli = path.join(import.meta.dirname, 'cli.mjs');

suite('deit-torch-setup', () => {
  test('ends with 2 and its usage for an unknown option, without a stack trace', () => {
    const { status, stderr } = spawnSync(process.execPath, [cli, '--foo'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /Unknown option '--foo'[\s\S]*Usage: deit-torch-setup/);
    assert.doesNotMatch(stderr, /^ {4}at /m);
  });

  test('ends with 1 where LIBTORCH is not a libtorch, and names what it should be', () => {
    const env = { ...process.env, LIBTORCH: import.meta.dirname };
    const { status, stderr } = spawnSync(process.execPath, [cli, '--no-install'], { encoding: 'utf8', env });
    assert.equal(status, 1);
    assert.match(stderr, /^LIBTORCH=.*: it has no include\/ATen and no lib\/libtorch_cpu\.\w+\.\nExpected the folder/m);
  });
});

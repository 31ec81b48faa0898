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

  test('gives files and options that are wrong as a message in every script', async () => {
    for (const [fail, status, message] of /** @type {const} */ ([
      ["fs.readFileSync('/nowhere/x')", 1, /ENOENT.*\/nowhere\/x/],
      ["util.parseArgs({ options: {}, args: ['--foo'] })", 2, /Unknown option '--foo'/],
      ['null.x', 1, /TypeError[\s\S]*^ {4}at /m],
    ])) {
      const script = `import fs from 'node:fs'; import util from 'node:util'; import { runMain } from './setup-error.mjs'; await runMain(async () => { ${fail}; });`;
      const options = /** @type {const} */ ({ encoding: 'utf8', cwd: import.meta.dirname });
      const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], options);
      assert.equal(ended.status, status, ended.stderr);
      assert.match(ended.stderr, message);
      if (message.source !== /TypeError[\s\S]*^ {4}at /m.source) assert.doesNotMatch(ended.stderr, /^ {4}at /m);
    }
  });

  test('ends with 1 where LIBTORCH is not a libtorch, and names what it should be', () => {
    const env = { ...process.env, LIBTORCH: import.meta.dirname };
    const { status, stderr } = spawnSync(process.execPath, [cli, '--no-install'], { encoding: 'utf8', env });
    assert.equal(status, 1);
    assert.match(stderr, /^LIBTORCH=.*: it has no include\/ATen and no lib\/libtorch_cpu\.\w+\.\nExpected the folder/m);
  });
});

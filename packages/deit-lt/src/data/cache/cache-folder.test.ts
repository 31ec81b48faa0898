import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../../../test/helpers/temporary-folder.js';
import { defaultCacheDir } from './cache-folder.js';

const bin = path.resolve(import.meta.dirname, '../../../../bin/deit-lt.mjs');
const other = 54_321;

suite('defaultCacheDir()', () => {
  test('follows DEIT_LT_CACHE, then XDG_CACHE_HOME, then the home folder', () => {
    assert.equal(defaultCacheDir({ DEIT_LT_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a');
    assert.equal(defaultCacheDir({ DEIT_LT_CACHE: 'a' }), path.resolve('a'));
    assert.equal(defaultCacheDir({ XDG_CACHE_HOME: '/b' }), '/b/deit-lt');
    for (const XDG_CACHE_HOME of [undefined, '', 'relative'])
      assert.equal(defaultCacheDir({ XDG_CACHE_HOME }), path.join(os.homedir(), '.cache/deit-lt'));
  });

  for (const [what, homedir] of [
    ['nobody knows the home folder', () => assert.fail('uv_os_homedir returned ENOENT')],
    ['HOME is empty', () => ''],
    ['HOME is relative', () => 'here'],
  ] as const)
    test(`is a folder of only this user in the temporary folder when ${what}`, (t) => {
      t.mock.method(os, 'homedir', homedir);
      const folder = defaultCacheDir({});
      assert.equal(path.dirname(folder), os.tmpdir());
      assert.equal(defaultCacheDir({}), folder);
      assert.equal(fs.statSync(folder).mode & 0o777, 0o700);
    });

  test('commands of a user id that is in no /etc/passwd, without HOME, end without a stack trace', {
    skip: (process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).status !== 0) && 'needs root and setpriv',
  }, (t) => {
    const TMPDIR = temporaryFolder(t);
    fs.chmodSync(TMPDIR, 0o777);
    const run = (env: NodeJS.ProcessEnv, ...words: string[]) =>
      spawnSync(
        'setpriv',
        [`--reuid=${other}`, `--regid=${other}`, '--clear-groups', process.execPath, bin, ...words],
        { encoding: 'utf8', cwd: TMPDIR, env: { PATH: process.env.PATH, TMPDIR, ...env } },
      );
    const cifar = ['inspect', 'cifar10', '--offline', '--no-speed'];
    const own = path.join(TMPDIR, `deit-lt-cache-${other}`);
    const closed = path.join(TMPDIR, 'home of another');
    fs.mkdirSync(closed, { mode: 0o700 });
    for (const [env, folder] of [
      [{}, own],
      [{ HOME: '' }, own],
      [{ XDG_CACHE_HOME: 'relative' }, own],
      [{ HOME: closed }, path.join(closed, '.cache/deit-lt')],
    ] as const) {
      const { status, stderr } = run(env, ...cifar);
      assert.equal(status, 1, stderr);
      assert.match(
        stderr,
        new RegExp(`^deit-lt: cannot download .*\\n.*\\n.* put it in ${folder}, or .*DEIT_LT_CACHE`),
      );
      assert.doesNotMatch(stderr, /bug|\n {4}at /);
    }
    fs.rmSync(own, { recursive: true });
    fs.mkdirSync(own); // root's: somebody else was there first
    const { stderr } = run({}, ...cifar);
    assert.match(stderr, new RegExp(`put it in ${own.replace(String(other), '\\d+-\\d+')},`));
  });
});

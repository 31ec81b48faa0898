import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import { makeFolder } from './make-folder.mjs';

const root = mkdtempSync(path.join(os.tmpdir(), 'deit-lt-folder-'));
after(() => rmSync(root, { recursive: true, force: true }));

suite('makeFolder()', () => {
  test('makes a folder with its parents, and leaves one that exists', () => {
    const folder = path.join(root, 'a/b/c');
    for (let i = 0; i < 2; i++) makeFolder(folder);
    assert.ok(existsSync(folder));
  });

  test('throws where the system makes none, and returns', { skip: process.platform !== 'linux' }, () => {
    assert.throws(
      () => makeFolder('/proc/.cache/deit-lt/python'),
      (error) => /ENOENT|EACCES|EPERM/.test(/** @type {NodeJS.ErrnoException} */ (error).code ?? ''),
    );
  });
});

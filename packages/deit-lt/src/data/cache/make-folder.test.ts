import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { makeFolder } from './make-folder.js';

suite('makeFolder()', { timeout: 30_000 }, () => {
  test('makes folders in folders, also at the same time, and leaves what is there', async (t) => {
    const folder = path.join(temporaryFolder(t), 'a/b/c');
    await Promise.all([makeFolder(folder), makeFolder(folder)]);
    write(path.join(folder, 'x'), '');
    await makeFolder(folder);
    assert.deepEqual(fs.readdirSync(folder), ['x']);
  });

  test('says what the system says where none can be made', async (t) => {
    const root = temporaryFolder(t);
    write(path.join(root, 'file'), '');
    fs.symlinkSync('/nowhere', path.join(root, 'link'));
    await assert.rejects(makeFolder(path.join(root, 'file/a')), { code: 'ENOTDIR' });
    await assert.rejects(makeFolder(path.join(root, 'link/a')), { code: 'ENOENT' });
  });

  test('ends in /proc, too', { skip: !fs.existsSync('/proc/self') && 'no /proc' }, async () => {
    await assert.rejects(makeFolder('/proc/.cache/deit-lt'), /ENOENT|EACCES|EPERM/);
  });
});

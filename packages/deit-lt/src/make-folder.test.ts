import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../test/helpers/temporary-folder.js';
import { makeOutFolder } from './export/export.js';
import { makeFolder } from './make-folder.js';
import { writeFigures } from './report/write-figures.js';
import { RunFolder } from './runs/run-folder.js';

const noProc = !fs.existsSync('/proc/self') && 'no /proc';

suite('makeFolder()', { timeout: 120_000 }, () => {
  test('makes folders in folders, and leaves what is there', (t) => {
    const folder = path.join(temporaryFolder(t), 'a/b/c');
    makeFolder(folder);
    write(path.join(folder, 'x'), '');
    makeFolder(folder);
    assert.deepEqual(fs.readdirSync(folder), ['x']);
  });

  test("gives the system's reason where none can be created", (t) => {
    const root = temporaryFolder(t);
    write(path.join(root, 'file'), '');
    fs.symlinkSync('/nowhere', path.join(root, 'link'));
    assert.throws(() => makeFolder(path.join(root, 'file/a')), { code: 'ENOTDIR' });
    assert.throws(() => makeFolder(path.join(root, 'link/a')), { code: 'NO_FOLDER' });
  });

  test('ends in /proc, too', { skip: noProc }, () => {
    assert.throws(() => makeFolder('/proc/.cache/deit-lt'), /no folder can be made in \/proc; choose|EACCES|EPERM/);
  });

  test('runs, exports and figures report that no folder can be created', { skip: noProc }, async () => {
    const expected = { code: 'RUN_FOLDER', message: /^cannot write \/proc\/x.*(choose another place|permission)/ };
    const config = {} as Parameters<RunFolder['begin']>[0]; // is written into the folder later
    assert.throws(() => new RunFolder('/proc/x').begin(config, false), expected);
    assert.throws(() => makeOutFolder('/proc/x/onnx', '/proc/x'), expected);
    await assert.rejects(writeFigures('/proc/x', []), expected);
  });
});

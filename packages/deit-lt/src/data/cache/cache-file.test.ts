import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../../test/helpers/temporary-folder.js';
import { removeOldest, writeWhole } from './cache-file.js';

suite('removeOldest()', () => {
  test('keeps the newest entries, and what another run may be writing', async (t) => {
    const folder = temporaryFolder(t);
    for (const [i, name] of ['a.bin', 'b.bin', 'c.bin', 'left.tmp'].entries()) {
      write(path.join(folder, name), '');
      fs.utimesSync(path.join(folder, name), 1000 + i, 1000 + i);
    }
    write(path.join(folder, 'new.tmp'), '');
    await removeOldest(folder, 2);
    assert.deepEqual(fs.readdirSync(folder).sort(), ['b.bin', 'c.bin', 'new.tmp']);
  });

  test('ignores a file that disappears before it is read', async (t) => {
    const folder = temporaryFolder(t);
    fs.symlinkSync('nowhere', path.join(folder, 'gone.tmp'));
    await removeOldest(folder, 2);
  });
});

suite('writeWhole()', () => {
  test('leaves nothing behind, and what was there, when the disk is full', async (t) => {
    const file = path.join(temporaryFolder(t), 'a.bin');
    await writeWhole(file, [Buffer.from('before')]);
    const { open } = fs.promises;
    t.mock.method(fs.promises, 'open', async (...given: Parameters<typeof open>) => {
      const handle = await open(...given);
      t.mock.method(handle, 'writeFile', async () => {
        await handle.write('ha');
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      });
      return handle;
    });
    await assert.rejects(writeWhole(file, [Buffer.from('half of it')]), { code: 'ENOSPC' });
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ['a.bin']);
    assert.equal(fs.readFileSync(file, 'utf8'), 'before');
  });
});

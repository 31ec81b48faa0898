import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { sha256Of } from './files.js';

suite('sha256Of()', () => {
  for (const length of [0, 5, 1 << 20, (1 << 20) + 1, 3_000_000])
    test(`of ${length} bytes`, (t) => {
      const content = Uint8Array.from({ length }, (_, i) => (i * 31) % 251);
      const file = path.join(temporaryFolder(t), 'file');
      write(file, content);
      assert.equal(sha256Of(file), createHash('sha256').update(content).digest('hex'));
    });
});

import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { linesOf } from './lines.js';

suite('linesOf()', () => {
  for (const [what, content, lines] of [
    ['an empty file', '', []],
    ['lines of both ends', 'a\r\n\nb\n', ['a', '', 'b']],
    ['a last line without an end', 'a\nb', ['a', 'b']],
    ['a mark of byte order', '\uFEFFa\nb\n', ['a', 'b']],
    ['a mark of byte order before a line without an end', '\uFEFFa', ['a']],
    ['lines over the bounds of what is read at once', `${'é'.repeat(600_000)}\nb\n`, ['é'.repeat(600_000), 'b']],
  ] as const)
    test(`of ${what}`, (t) => {
      const file = path.join(temporaryFolder(t), 'list.txt');
      write(file, content);
      assert.deepEqual([...linesOf(file)], lines);
    });
});

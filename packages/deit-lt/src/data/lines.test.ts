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
    ['line ends of old Macs', 'a\rb\r', ['a', 'b']],
    ['lines over the bounds of what is read at once', `${'é'.repeat(600_000)}\nb\n`, ['é'.repeat(600_000), 'b']],
  ] as const)
    test(`of ${what}`, (t) => {
      const file = path.join(temporaryFolder(t), 'list.txt');
      write(file, content);
      assert.deepEqual([...linesOf(file)], lines);
    });

  const text = 'éa.png 0\r\nß😀.png 1\n';
  const utf16 = (text: string): Buffer => Buffer.from(text, 'utf16le');
  for (const [what, content] of [
    ['of little endian', utf16(`\uFEFF${text}`)],
    ['of big endian', utf16(`\uFEFF${text}`).swap16()],
    ['of little endian without a mark', utf16(`a${text}`)],
    ['of big endian without a mark', utf16(`a${text}`).swap16()],
  ] as const)
    test(`reads UTF-16 ${what}`, (t) => {
      const file = path.join(temporaryFolder(t), 'list.txt');
      write(file, content);
      assert.deepEqual([...linesOf(file)].join('|').replace(/^a/, ''), 'éa.png 0|ß😀.png 1');
    });

  test('reads UTF-16 letters that are cut by the bounds of what is read at once', (t) => {
    const file = path.join(temporaryFolder(t), 'list.txt');
    const line = `${'😀'.repeat(300_001)}`; // two units of two bytes each, from an odd place on
    write(file, utf16(`\uFEFF${line}\n${line}\n`));
    assert.deepEqual([...linesOf(file)], [line, line]);
  });

  for (const [what, content, message] of [
    [
      'Latin-1',
      Buffer.from('a.png 0\ncafé.png 1\n', 'latin1'),
      /line 2 is not UTF-8: "caf\\xE9\.png 1"\. Convert .*iconv/,
    ],
    ['zero bytes', 'a 0\nb 1\nc\0 2\n', /line 3 has a zero byte/],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 97, 0, 0, 0]), /is UTF-32; expected UTF-8/],
    ['half a UTF-16 letter', utf16('\uFEFFab').subarray(0, 5), /is truncated or damaged/],
    ['a lone surrogate', utf16('\uFEFFa\uD800b\n'), /is truncated or damaged/],
    ['one endless line', Buffer.alloc(20 << 20, 'x'), /line 1 is longer than 16 MB/],
  ] as const)
    test(`refuses ${what}`, (t) => {
      const file = path.join(temporaryFolder(t), 'list.txt');
      write(file, content);
      assert.throws(() => [...linesOf(file)], { code: 'DATA_LAYOUT', message });
    });

  test('refuses a file that is not there', () => {
    assert.throws(() => [...linesOf('/nowhere/list.txt')], { code: 'DATA_NOT_FOUND' });
  });
});

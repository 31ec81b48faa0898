import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { formatTable } from '../cli/table.js';
import { UserError } from '../errors.js';
import { escaped } from '../report/html.js';
import { shellLine } from '../shell-line.js';
import { csvCell, latexText, markdownText } from './cells.js';
import { visible, visibleJson, visibleLines } from './visible.js';
import { clipped, padded, textWidth } from './width.js';

/** The deception in each text, and how it is shown. */
const deceptive: readonly (readonly [what: string, text: string, shown: string])[] = [
  ['colours', '\x1b[31mred', '\\x1b[31mred'],
  ['titles of windows', '\x1b]0;x\x07', '\\x1b]0;x\\x07'],
  ['C1 controls', '\x9b31m\x85', '\\x9b31m\\x85'],
  ['backspace and delete', 'a\bb\x7f', 'a\\x08b\\x7f'],
  ['line breaks and tabs', 'a\nb\rc\td\u2028e\u2029', 'a\\nb\\rc\\td\\u2028e\\u2029'],
  ['NUL', 'a\0b', 'a\\x00b'],
  ['bidi overrides', 'a\u202Egpj\u202C.exe', 'a\\u202egpj\\u202c.exe'],
  ['bidi isolates and marks', '\u2066a\u2069\u200F\u061C', '\\u2066a\\u2069\\u200f\\u061c'],
  ['zero width', 'a\u200Bb\uFEFFc\u2060', 'a\\u200bb\\ufeffc\\u2060'],
  ['joiners between Latin letters', 'ca\u200Dt d\u200Cog', 'ca\\u200dt d\\u200cog'],
  ['soft hyphen and Hangul filler', 'a\u00AD\u3164', 'a\\xad\\u3164'],
  ['tags without a flag', 'a\u{E0041}', 'a\\u{e0041}'],
  ['halves of a surrogate pair', 'a\uD83Db\uDC00', 'a\\ud83db\\udc00'],
];

const normal = [
  'Straße, naïve, Ελληνικά, Кошка',
  '猫の写真',
  'می\u200Cخواهم',
  'क्\u200Dष',
  '👩\u200D👩\u200D👧 ❤\uFE0F\u200D🔥 👍🏽',
  '🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}',
  'e\u0301 (combining)',
  'שלום العربية',
];

suite('visible()', () => {
  for (const [what, text, shown] of deceptive)
    test(`writes out ${what}`, () => {
      assert.equal(visible(text), shown);
      assert.equal(visible(shown), shown, 'twice is as once');
    });

  test('does not change normal text in any script', () => {
    for (const text of normal) assert.equal(visible(text), text);
  });

  test('visibleLines() keeps only line breaks', () => assert.equal(visibleLines('a\x1b\nb\r\n'), 'a\\x1b\nb\\r\n'));

  test('visibleJson() is the same value for a program', () => {
    const value = [...deceptive.map(([, text]) => text), ...normal, { 'a\u202E': '\u{E0041}' }];
    for (const indent of [undefined, 2]) {
      const json = visibleJson(value, indent);
      assert.deepEqual(JSON.parse(json), value);
      assert.equal(visibleLines(json), json);
    }
  });
});

suite('foreign text in each medium', () => {
  test('a UserError is one line but for its own lines, and is not endless', () => {
    const { message } = new UserError('USAGE', 'no "a\nb\x1b[2J"', { lines: ['below\t', 'x\u202E'] });
    assert.equal(message, 'no "a\\nb\\x1b[2J"\nbelow\\t\nx\\u202e');
    assert.ok(new UserError('USAGE', 'x'.repeat(1e6)).message.length < 5000);
  });

  test('no UserError is given line breaks, which it would write out', () => {
    const root = path.resolve(import.meta.dirname, '../../../src');
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /(?<!\.test)\.ts$/.test(name),
    );
    assert.ok(files.length > 100);
    for (const file of files)
      for (const [statement] of readFileSync(path.join(root, file), 'utf8').matchAll(/new UserError\([^;]*?\);\n/g))
        assert.doesNotMatch(statement, /[^(']\\n|join\('\\n/, file);
  });

  test('HTML', () => assert.equal(escaped('<b>"\u202E&\x1b\n'), '&lt;b&gt;&quot;\\u202e&amp;\\x1b\\n'));

  test('CSV keeps the value in its own quoting', () => {
    assert.equal(csvCell('a "b",\r\nc'), '"a ""b"",\r\nc"');
    assert.equal(csvCell('a\rb'), '"a\rb"');
    assert.equal(csvCell('=1+1'), '=1+1');
  });

  test('Markdown and LaTeX', () => {
    assert.equal(
      markdownText('a|b\n<img src=x> *c* [d](e) `f` & \\'),
      'a\\|b\\\\n&lt;img src=x&gt; \\*c\\* \\[d\\](e) \\`f\\` &amp; \\\\',
    );
    assert.equal(
      latexText('\\input{x} 50% a_b #1 ~^ $x$\x1b'),
      '\\textbackslash{}input\\{x\\} 50\\% a\\_b \\#1 \\~{}\\^{} \\$x\\$\\textbackslash{}x1b',
    );
  });

  test('shellLine() gives words back to bash', () => {
    const words = ['a b', "it's", '\x1b[31m\n', 'back\\slash\x85', '\u202E猫', '\u{E0041}', '', 'plain'];
    const line = shellLine(words);
    assert.equal(visibleLines(line), line);
    const script = `printf '%s\\0' ${line}`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const found = execFileSync('bash', ['-c', script], { encoding: 'utf8', env });
    assert.deepEqual(found.split('\0').slice(0, -1), words);
  });
});

suite('textWidth()', () => {
  test('counts columns: wide signs two, combining marks and joiners none', () => {
    assert.deepEqual(['cat', '猫', 'ｶ', '👩\u200D👩\u200D👧', 'e\u0301', '한글'].map(textWidth), [3, 2, 1, 2, 1, 4]);
  });

  test('tables of wide names line up, and names with line breaks take one row', () => {
    const rows = ['cat', '猫', '👍🏽 yes', 'e\u0301', 'a\nb'].map((name) => [name, '1']);
    const lines = formatTable([{ title: 'class' }, { title: 'n', align: 'right' }], rows).split('\n');
    assert.equal(lines.length, 6);
    assert.deepEqual(new Set(lines.map(textWidth)), new Set([9]));
  });

  test('clipped() cuts between signs, to the width and not beyond', () => {
    assert.equal(clipped('猫猫猫猫', 5), '猫猫…');
    assert.equal(clipped('ab👩\u200D👩\u200D👧c', 4), 'ab…');
    assert.equal(clipped('cat', 3), 'cat');
    assert.equal(padded('猫', 4, 'right'), '  猫');
  });
});

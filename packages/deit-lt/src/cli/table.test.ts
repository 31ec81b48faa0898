import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { accuracy, count, duration, images, short } from '../format.js';
import { inColor, markedColors } from './colors.js';
import { formatTable } from './table.js';
import { printable } from './writer.js';

suite('formatTable()', () => {
  test('makes columns as wide as their widest cell, numbers to the right', () => {
    const columns = [{ title: 'name' }, { title: 'n', align: 'right' as const }];
    assert.equal(
      formatTable(columns, [
        ['cat', '7'],
        ['a dog', '1,234'],
      ]),
      'name       n\ncat        7\na dog  1,234',
    );
  });

  test('does not count colour codes', () => {
    const line = formatTable([{ title: 'a' }, { title: 'b' }], [[markedColors.head('xy'), 'z']]).split('\n')[1]!;
    assert.equal(inColor(line, true), '\u001B[34mxy\u001B[39m  z');
    assert.equal(inColor(line, false), 'xy  z');
  });

  test('shows codes that are in a cell already instead of obeying them', () => {
    const table = formatTable([{ title: 'a' }], [['\u001B[34mxy']]);
    assert.equal(printable(table, true), 'a\n\\x1b[34mxy');
  });
});

suite('numbers for people', () => {
  test('count() groups thousands', () => assert.deepEqual([5, 1000, 1234567].map(count), ['5', '1,000', '1,234,567']));

  test('images() has a singular', () => assert.deepEqual([1, 2000].map(images), ['1 image', '2,000 images']));

  test('accuracy() is a dash where there is none', () =>
    assert.deepEqual([62.06, 100, null, undefined, Number.NaN].map(accuracy), ['62.1', '100.0', '–', '–', '–']));

  test('duration() has two units', () =>
    assert.deepEqual([0, 59.6, 200, 7500, 273600, Number.NaN].map(duration), [
      '0 s',
      '1 min 00 s',
      '3 min 20 s',
      '2 h 05 min',
      '3 d 4 h',
      '–',
    ]));

  test('short() keeps four digits', () =>
    assert.deepEqual([0, 0.1, 1.23456, 5e-5, 0.000123456].map(short), ['0', '0.1', '1.235', '5e-5', '1.235e-4']));
});

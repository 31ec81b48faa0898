import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkShards } from './check-shards.js';
import type { Options } from './option-table.js';

suite('checkShards()', () => {
  const check = (command: string, options: Options, count: number): void =>
    checkShards({ command, options, parse: () => undefined }, count);

  test('accepts divisors of the shards of what the command trains', () => {
    check('student', { set: ['student.shards=4'] }, 2);
    check('teacher', { set: ['teacher.shards=4'], recipe: 'quickstart' }, 4);
    check('train', { set: ['teacher.shards=2', 'student.shards=4'] }, 2);
  });

  test('throws for others, with the part and the possible numbers', () => {
    const refused = (message: RegExp) => ({ code: 'USAGE', message });
    assert.throws(
      () => check('train', { set: ['teacher.shards=4', 'student.shards=6'] }, 4),
      refused(
        /^student\.shards is 6, which 4 processes cannot share: .*Use 2, 3, 6 processes, or set student\.shards to 4/,
      ),
    );
    assert.throws(() => check('vit', {}, 2), refused(/^student\.shards is 1, which 2 .*Use one process, or set/));
    assert.throws(() => check('teacher', { recipe: 'quickstart' }, 2), refused(/^teacher\.shards is 1/));
  });
});

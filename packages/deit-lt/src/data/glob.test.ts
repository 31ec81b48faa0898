import assert from 'node:assert/strict';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { expressionOf, isPattern, matchingImages } from './glob.js';

suite('patterns of file names', () => {
  test('match as a shell does', () => {
    const cases: [pattern: string, matching: string[], others: string[]][] = [
      ['*.jpg', ['a.jpg', 'a b.jpg'], ['x/a.jpg', 'a.jpeg', 'ajpg']],
      ['**/a?.png', ['ab.png', 'x/y/a1.png'], ['a.png', 'x/a/b.png']],
      ['{cat,dog}-*.{jpg,png}', ['cat-1.jpg', 'dog-.png'], ['cow-1.jpg', 'cat-1.gif']],
      ['a,b (1)+*', ['a,b (1)+c'], ['a|b (1)c']],
      ['{a', [], ['a', '{a']],
    ];
    for (const [pattern, matching, others] of cases) {
      for (const name of matching) assert.ok(expressionOf(pattern).test(name), `${pattern} ${name}`);
      for (const name of others) assert.ok(!expressionOf(pattern).test(name), `${pattern} ${name}`);
    }
    assert.deepEqual(['a*', 'a?', '{a,b}', 'a-b.jpg'].map(isPattern), [true, true, true, false]);
  });

  test('find images alone, in order, under the folder that they name', async (t) => {
    const root = temporaryFolder(t);
    for (const name of ['b.jpg', 'a.jpg', 'a.txt', 'x/c.jpg', 'x/.hidden.jpg']) write(path.join(root, name), '');
    const found = async (pattern: string): Promise<string[]> =>
      (await matchingImages(path.join(root, pattern))).map((file) => path.relative(root, file));
    assert.deepEqual(await found('*'), ['a.jpg', 'b.jpg']);
    assert.deepEqual(await found('**/*.jpg'), ['a.jpg', 'b.jpg', 'x/c.jpg']);
    assert.deepEqual(await found('none/*.jpg'), []);
  });
});

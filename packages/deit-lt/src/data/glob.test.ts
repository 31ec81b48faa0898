import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder, write } from '../../test/helpers/temporary-folder.js';
import { isPattern, matcherOf, matchingImages } from './glob.js';

const names = [
  ...['a.jpg', 'b.jpg', 'ab.jpg', '1.jpg', '01.jpg', '02.jpg', '10.jpg', '12.jpg', 'x1y.jpg', 'a b.jpg', 'a,b.jpg'],
  ...['A.jpg', 'é.jpg', 'éa.jpg', '[1].jpg', 'photo[1].jpg', '{a.jpg', '!a.jpg', '^.jpg', '-x.jpg', 'a+b.jpg'],
  ...['.h.jpg', 'sub/a.jpg', 'sub/x/b.jpg', 'sub/.h/b.jpg', '[d]/a.jpg'],
];

const patterns = [
  ...['*.jpg', '[0-9]*.jpg', '[!0-9]*.jpg', '[^0-9]*.jpg', '[[:digit:]]*.jpg', '[[:alpha:]].jpg', '?.jpg', '??.jpg'],
  ...['{1..12}.jpg', '{01..10}.jpg', '{a..c}.jpg', '{a,b}.jpg', '{a,}b.jpg', 'a{,b}.jpg', '*\\[1\\].jpg', '[[]1].jpg'],
  ...[
    '@(a|b).jpg',
    '!(a|b).jpg',
    '+(a|b).jpg',
    'a?(b).jpg',
    '**/*.jpg',
    '*/*.jpg',
    'sub/**/b.jpg',
    '.*.jpg',
    '[é]*.jpg',
  ],
  ...['[a-c]*', '{sub,[[]d]}/*.jpg', '*.JPG', '[.jpg', '{a'],
];

suite('patterns of file names', () => {
  test('match as bash does', { skip: spawnSync('bash', ['--version']).status !== 0 && 'bash is not there' }, (t) => {
    const root = temporaryFolder(t);
    for (const name of names) write(path.join(root, name), '');
    const script = `shopt -s globstar extglob nullglob; for pattern in "$@"; do
      eval 'for f in '"$pattern"'; do [ -f "$f" ] && echo "$pattern:$f"; done'; done; true`;
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const shell = spawnSync('bash', ['-c', script, 'bash', ...patterns], { cwd: root, env, encoding: 'utf8' });
    assert.equal(shell.stderr, '');
    const byShell = shell.stdout.split('\n').filter((line) => line !== '');
    assert.ok(byShell.length > 100, `${byShell.length}`);
    const ours = patterns.flatMap((pattern) => {
      const matcher = matcherOf(pattern);
      return names.filter((name) => matcher.match(name)).map((name) => `${pattern}:${name}`);
    });
    assert.deepEqual([...new Set(byShell)].sort(), ours.sort());
  });

  test('are distinguished from names by their characters', () => {
    assert.deepEqual(['a*', 'a?', '{a,b}', '[ab].jpg', '@(a)', 'a-b (1)!.jpg'].map(isPattern), [
      ...[true, true, true, true, true],
      false,
    ]);
  });

  test('find only images, in order, under the folder that they name', async (t) => {
    const root = temporaryFolder(t);
    for (const name of ['b.jpg', 'a.jpg', '7.jpg', 'a.txt', 'x/c.jpg', 'x/.hidden.jpg', 'x/y/d.jpg'])
      write(path.join(root, name), '');
    const found = async (pattern: string): Promise<string[]> =>
      (await matchingImages(path.join(root, pattern))).map((file) => path.relative(root, file));
    assert.deepEqual(await found('*'), ['7.jpg', 'a.jpg', 'b.jpg']);
    assert.deepEqual(await found('[0-9]*.jpg'), ['7.jpg']);
    assert.deepEqual(await found('**/*.jpg'), ['7.jpg', 'a.jpg', 'b.jpg', 'x/c.jpg', 'x/y/d.jpg']);
    assert.deepEqual(await found('*/*.jpg'), ['x/c.jpg']);
    assert.deepEqual(await found('none/*.jpg'), []);
    assert.deepEqual(await found('a.jpg/*.jpg'), []);
  });

  test('take a folder by its name when there is one', async (t) => {
    const root = temporaryFolder(t);
    for (const name of ['photos [2020]/a.jpg', 'photos 2/b.jpg', 'x{1}/*/c.jpg']) write(path.join(root, name), '');
    assert.deepEqual(await matchingImages(path.join(root, 'photos [2020]/*.jpg')), [
      path.join(root, 'photos [2020]/a.jpg'),
    ]);
    assert.equal((await matchingImages(path.join(root, 'photos [2]/*.jpg'))).length, 1);
    assert.equal((await matchingImages(path.join(root, 'x{1}/*/*.jpg'))).length, 1);
  });

  test('do not look into folders that cannot match', {
    skip: process.getuid?.() === 0 && 'root reads all',
  }, async (t) => {
    const root = temporaryFolder(t);
    write(path.join(root, 'a.jpg'), '');
    fs.mkdirSync(path.join(root, 'locked'), { mode: 0 });
    assert.equal((await matchingImages(path.join(root, '*.jpg'))).length, 1);
  });
});

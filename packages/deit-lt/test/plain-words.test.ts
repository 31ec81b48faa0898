/** Messages, help, pages and documentation use plain words: the worst of those that they once used are refused here. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { pageNames, readPage, repository } from './helpers/pages.js';
import { unplainIn, withoutComments } from './helpers/plain-words.js';

/** Sources whose texts users see, relative to the repository; tests are left out. */
function sources(folder: string): string[] {
  const names = readdirSync(path.join(repository, folder), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => /\.(tsx?|mjs)$/.test(name) && !/\.test\.ts$|generated/.test(name))
    .map((name) => path.join(folder, name));
}

function testFiles(folder: string): string[] {
  const names = readdirSync(path.join(repository, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => path.join(folder, name));
}

/** Returns the names of the suites and tests in a source file. */
function testNames(source: string): string[] {
  return [...source.matchAll(/\b(?:test|suite)\((['"`])(.*?)\1/g)].map(([, , name = '']) => name);
}

function assertPlain(name: string, text: string): void {
  assert.deepEqual(unplainIn(text), [], name);
}

suite('plain words', () => {
  test('in README, CONTRIBUTING and docs', () => {
    const pages = pageNames();
    assert.ok(pages.includes('CONTRIBUTING.md'));
    for (const name of [...pages, 'packages/torch/README.md', 'packages/deit-lt/README.md'])
      assertPlain(name, readPage(name));
  });

  test('in messages and comments of the engine and its set-up', () => {
    const names = ['packages/torch/src', 'packages/torch/setup'].flatMap((folder) => sources(folder));
    assert.ok(names.length > 80, `${names.length}`);
    for (const name of names) assertPlain(name, readPage(name));
  });

  test('in recipe files', () => {
    const names = readdirSync(path.join(repository, 'packages/deit-lt/recipes'));
    assert.ok(names.length > 30, `${names.length}`);
    for (const name of names) assertPlain(name, readPage(`packages/deit-lt/recipes/${name}`));
  });

  test('in names of tests', () => {
    for (const folder of ['deit-lt/src', 'deit-lt/test', 'torch/src', 'torch/test'])
      for (const name of testFiles(`packages/${folder}`)) assertPlain(name, testNames(readPage(name)).join('\n'));
  });

  test('doc comments begin with a subject or a verb, not with "What", "Of" or "By"', () => {
    for (const folder of ['deit-lt/src', 'torch/src', 'web/src'])
      for (const name of sources(`packages/${folder}`))
        assert.deepEqual(readPage(name).match(/\/\*\*\s+(\* )?(What|Of|By)\b.*/g) ?? [], [], name);
  });

  test('in help, messages, tables and comments of deit-lt', () => {
    const names = sources('packages/deit-lt/src');
    assert.ok(names.length > 250, `${names.length}`);
    for (const name of names) assertPlain(name, readFileSync(path.join(repository, name), 'utf8'));
  });

  test('on the pages of demo and studio', () => {
    const names = sources('packages/web/src');
    assert.ok(names.length > 20);
    for (const name of names) assertPlain(name, readFileSync(path.join(repository, name), 'utf8'));
  });

  test('are distinguished from others', () => {
    const refused = [
      'goes on at epoch 5',
      'to the same bits',
      'is no run folder',
      '90 per cent',
      'a deviation of 2',
      'drawn anew',
    ];
    for (const text of refused) assert.equal(unplainIn(text).length, 1, text);
    const allowed = [
      'there is no run',
      'is no longer read',
      'a standard deviation of 2',
      'has not been run',
      'asks for a password',
    ];
    for (const text of allowed) assert.deepEqual(unplainIn(text), [], text);
  });

  test('are looked for in texts, not in comments of sources', () => {
    const source = "/** Drawn anew. */\nconst a = 'drawn anew'; // anew\n";
    assert.deepEqual(unplainIn(withoutComments(source)).length, 1);
  });
});

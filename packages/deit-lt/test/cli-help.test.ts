import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { commandTable, computedPrecisions } from '../src/cli/command-table.js';
import { referencePage } from '../src/cli/reference-page.js';
import { errorCodes } from '../src/errors.js';
import { recipeSchema } from '../src/recipe/schema.js';
import { deitLt } from './cli-helpers.js';

const docs = path.resolve(import.meta.dirname, '../../../../docs');

suite('deit-lt --help', () => {
  test('lists all commands', () => {
    const { status, stdout, stderr } = deitLt(['--help']);
    assert.equal(status, 0);
    assert.equal(stderr, '');
    for (const { name } of commandTable) assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
  });

  test('of a command shows its options and an example', () => {
    for (const words of [
      ['train', '--help'],
      ['help', 'train'],
    ]) {
      const { status, stdout } = deitLt(words);
      assert.equal(status, 0);
      assert.match(stdout, /--imbalance <RATIO>/);
      assert.match(stdout, /For example:\n {2}deit-lt train --data/);
    }
  });

  test('loads neither engine nor decoder nor schema', () => {
    const main = new URL('../src/cli/program.js', import.meta.url).pathname;
    const seen = new Set<string>();
    visit(main, seen);
    const packages = [...seen].filter((name) => !path.isAbsolute(name) && !name.startsWith('node:'));
    assert.deepEqual(packages, ['commander']);
  });

  test('--version is that of the package', () => assert.match(deitLt(['--version']).stdout, /^\d+\.\d+\.\d+\n$/));
});

/** Everything that `file` imports statically, by path or package. */
function visit(file: string, seen: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  if (!path.isAbsolute(file)) return;
  for (const [, name] of readFileSync(file, 'utf8').matchAll(/^(?:import|export) (?:[^;']* from )?'([^']+)'/gm))
    visit(name!.startsWith('.') ? path.resolve(path.dirname(file), name!) : name!, seen);
}

suite('docs', () => {
  test('command-line.md is what the tables give (node packages/deit-lt/scripts/command-line-page.mjs)', () => {
    assert.equal(readFileSync(path.join(docs, 'command-line.md'), 'utf8'), referencePage());
  });

  test('commands that compute take the precisions of recipes', () => {
    assert.deepEqual([...computedPrecisions], recipeSchema.shape.precision.options);
  });

  test('errors.md explains every code, in order', () => {
    const page = readFileSync(path.join(docs, 'errors.md'), 'utf8');
    const sections = [...page.matchAll(/^## `(\w+)`\n\n(.+)\n\n(.+)/gm)];
    const expected = Object.entries(errorCodes).map(([code, meaning]) => [
      code,
      `${meaning[0]!.toUpperCase()}${meaning.slice(1)}.`,
    ]);
    assert.deepEqual(
      sections.map(([, code, meaning]) => [code, meaning]),
      expected,
    );
  });
});

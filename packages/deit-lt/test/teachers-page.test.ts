/** Every teacher that docs/teachers.md has a line for trains. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { recipeNames } from '../src/recipe/load.js';
import { trainTeacher } from '../src/training/train.js';
import { temporaryFolder } from './helpers/temporary-folder.js';
import { recording, tinyDataset, tinyRecipe } from './training-tiny.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/teachers.md'), 'utf8');

/** Name and `--set` of each line of the table of losses. */
const rows = [...page.matchAll(/^\| (.+?) \| (?:`(teacher\.[^`]+)`)? ?\| (?:[\d. /]+|not published) \|$/gm)].map(
  ([, name = '', settings = '']) => ({ name, settings: settings.split(' ').filter(Boolean) }),
);

suite('docs/teachers.md', () => {
  test('has a line for every loss, and its recipes exist', () => {
    assert.equal(rows.length, 8);
    for (const name of page.matchAll(/--recipe (\S+)/g)) assert.ok(recipeNames().includes(name[1]!), name[1]);
  });

  for (const { name, settings } of rows)
    test(`${name} trains by what its line says`, async (t) => {
      const recipe = tinyRecipe(...settings, 'teacher.epochs=1', 'teacher.sam.rho=0.05');
      const reporter = recording();
      await trainTeacher({ dataset: tinyDataset(), recipe, folder: path.join(temporaryFolder(t), 'run'), reporter });
      assert.ok(Number.isFinite(reporter.records[0]!.loss));
    });
});

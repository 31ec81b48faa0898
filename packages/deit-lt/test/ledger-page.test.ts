/** docs/ledger.md: its numbers of parameters are those of our networks, and its recipes exist and have the rows' networks and lengths. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { createModel } from '../src/models/index.js';
import { loadRecipe, recipeNames } from '../src/recipe/load.js';
import type { Recipe } from '../src/recipe/schema.js';
import { modelOf, plainName } from '../src/tasks/model-of.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../../docs/ledger.md'), 'utf8');

/** Cells of the tables under a heading, without their first two lines. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const published = [
  ...rowsUnder('CIFAR-10-LT and CIFAR-100-LT').map((cells) => ({ cells, numClasses: 10 })),
  ...rowsUnder('ImageNet-LT and iNaturalist-2018').map((cells) => ({ cells, numClasses: 1000 })),
];

const number = (text = ''): number => Number(text.replaceAll(',', ''));
const codes = (text = ''): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

/** The network that a cell describes: a name in backticks, then options in words. */
function modelIn(cell: string, numClasses: number) {
  const width = /width (\d+)/.exec(cell)?.[1];
  return createModel(codes(cell)[0]!, {
    numClasses,
    device: 'meta',
    ...(cell.includes('cosine') && { cosine: true }),
    ...(width !== undefined && { width: Number(width) }),
  });
}

/** Part of a recipe that trains the network of a row. */
function partOf(recipe: Recipe, name: string): Recipe['teacher' | 'student'] {
  return /^(deit|vit)/.test(name) ? recipe.student : recipe.teacher;
}

suite('docs/ledger.md', () => {
  test('has all rows', () => {
    assert.equal(published.length, 12);
    assert.ok(rowsUnder('Ours').length >= 3);
  });

  for (const { cells, numClasses } of published) {
    const [row, network = '', parameters, recipes, epochs = ''] = cells;
    test(`${row}, ${numClasses} classes: parameters, recipes and epochs`, () => {
      assert.equal(modelIn(network, numClasses).parameterCount(), number(parameters));
      const lengths = epochs.split(', ').map(Number);
      for (const [i, name] of codes(recipes).entries()) {
        assert.ok(recipeNames().includes(name), name);
        const part = partOf(loadRecipe(name), codes(network)[0]!);
        const trained = row === 'ViT' || row === 'DeiT-III' ? plainName(part.model.name) : part.model.name;
        assert.equal(trained, codes(network)[0], name);
        assert.equal(part.epochs, lengths[i], name);
      }
    });
  }

  test('other numbers of parameters in the text', () => {
    const count = (name: string, options: object): number =>
      createModel(name, { numClasses: 10, device: 'meta', ...options }).parameterCount();
    const [narrow, wide] = [count('resnet32', {}), count('resnet32', { width: 64 })];
    assert.match(page, new RegExp(`has ${(narrow / 1e6).toFixed(2)} million parameters in LDAM's`));
    assert.match(page, new RegExp(`${(wide / 1e6).toFixed(2)} million, ${Math.round(wide / narrow)} times as many`));
    const resnet50 = createModel('resnet50', { numClasses: 1000, device: 'meta' }).parameterCount();
    assert.match(page, new RegExp(`\`resnet50\` with ${resnet50.toLocaleString('en')} parameters`));
  });

  for (const [row, parameters, name = ''] of rowsUnder('Ours'))
    test(`ours: ${row} of ${name}`, () => {
      const [base, ...settings] = codes(name); // `recipe` with `key=value`, …
      const recipe = loadRecipe(base!, { settings });
      const [kind, part] = row!.startsWith('teacher')
        ? (['teacher', recipe.teacher] as const)
        : (['student', recipe.student] as const);
      using model = modelOf(kind, part, 10);
      assert.equal(model.parameterCount(), number(parameters));
    });
});

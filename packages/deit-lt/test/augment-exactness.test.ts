/**
 * Every operation against Pillow 9.4's levels (../shared/golden beside the repository), by the engine's own operator and
 * by tensor compositions; and the table of docs/augmentation.md, which is made of the same figures.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { applyPlans } from '../src/augment/ops.js';
import { applyPlansByTensors } from '../src/augment/ops-tensors.js';
import {
  augmentGolden,
  compareOps,
  compareWindows,
  exactnessTable,
  opCases,
  summarise,
  tableIn,
  verdictsIn,
} from './helpers/exactness.js';
import { skipGolden } from './helpers/golden-files.js';

/** The page, from `dist/test` or from `test`. */
function pagePath(): string {
  const folders = ['../../../docs', '../../../../docs'].map((folder) => path.join(import.meta.dirname, folder));
  return path.join(folders.find((folder) => existsSync(folder))!, 'augmentation.md');
}

suite('operations on levels are Pillow’s', { skip: skipGolden }, () => {
  const source = augmentGolden();
  const ways = {
    'by the engine’s operator': (images, plans, fill) => applyPlans(images, plans, { fill }),
    'by tensor compositions': applyPlansByTensors,
  } satisfies Record<string, Parameters<typeof compareOps>[2]>;
  const cases = skipGolden ? [] : opCases(source);

  for (const [way, apply] of Object.entries(ways))
    for (const row of cases.length === 0 ? [] : summarise(compareOps(source, cases, apply)))
      test(`${row.operation}, ${way}: ${row.images} images`, () => {
        assert.equal(row.different, 0, `${row.different} of ${row.values} levels differ, by ${row.levels} at most`);
      });

  test('the table of docs/augmentation.md has these figures (node packages/deit-lt/scripts/augmentation-page.mjs)', async () => {
    const rows = [
      ...compareOps(source, cases, (images, plans, fill) => applyPlans(images, plans, { fill })),
      ...(await compareWindows(source)),
    ];
    const page = tableIn(readFileSync(pagePath(), 'utf8'))!;
    const [stated, measured] = [verdictsIn(page), verdictsIn(exactnessTable(rows))];
    for (const [operation, verdict] of measured) assert.equal(verdict, stated.get(operation), operation);
    if (source.json.variant === 'shared') assert.equal(page, exactnessTable(rows));
  });
});

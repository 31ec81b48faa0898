// Writes the table of docs/augmentation.md that says how near each operation is to Pillow. A test compares. Compile first:
// npx tsc --build
//
//   node packages/deit-lt/scripts/augmentation-page.mjs
import { readFileSync, writeFileSync } from 'node:fs';

import { applyPlans } from '../dist/src/augment/ops.js';
import {
  augmentGolden,
  compareOps,
  compareWindows,
  exactnessTable,
  opCases,
  withTable,
} from '../dist/test/helpers/exactness.js';

const page = new URL('../../../docs/augmentation.md', import.meta.url);
const golden = augmentGolden();
const rows = [
  ...compareOps(golden, opCases(golden), (images, plans, fill) => applyPlans(images, plans, { fill })),
  ...(await compareWindows(golden)),
];
writeFileSync(page, withTable(readFileSync(page, 'utf8'), exactnessTable(rows)));

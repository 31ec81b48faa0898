// Writes docs/plan.md from the rules of the planner and docs/plan-measured.md. A test compares. Compile first: npm run build
//
//   node packages/deit-lt/scripts/plan-page.mjs
import { readFileSync, writeFileSync } from 'node:fs';

import { planPage } from '../dist/src/cli/plan-page.js';

const docs = new URL('../../../docs/', import.meta.url);
const measured = readFileSync(new URL('plan-measured.md', docs), 'utf8');
writeFileSync(new URL('plan.md', docs), planPage(measured));

// Writes docs/command-line.md from the tables of commands and options. A test compares. Compile first: npx tsc --build
//
//   node packages/deit-lt/scripts/command-line-page.mjs
import { writeFileSync } from 'node:fs';

import { referencePage } from '../dist/src/cli/reference-page.js';

writeFileSync(new URL('../../../docs/command-line.md', import.meta.url), referencePage());

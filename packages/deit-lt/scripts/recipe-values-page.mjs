// Writes docs/recipe-values.md from the registries and the recipe's schema. A test compares. Compile first: npm run build
//
//   node packages/deit-lt/scripts/recipe-values-page.mjs
import { writeFileSync } from 'node:fs';

import { recipeValuesPage } from '../dist/src/cli/recipe-values-page.js';

writeFileSync(new URL('../../../docs/recipe-values.md', import.meta.url), recipeValuesPage());

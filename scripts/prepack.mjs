// What `npm pack` does first in each package: compiles the TypeScript and builds the pages, also in a clone where nothing is
// built yet. Not the addon, which every machine compiles for its own libtorch.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runMain } from '../packages/torch/setup/setup-error.mjs';
import { buildPages } from './lib/build-pages.mjs';
import { compileTypeScript } from './lib/compile-typescript.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  await ensureNpmPackages(root);
  await compileTypeScript(root);
  await buildPages(root);
});

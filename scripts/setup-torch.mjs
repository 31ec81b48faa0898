// `npm run setup:torch`: today's PyTorch from PyPI beside the tree, and the addon for it. Takes the options of deit-torch-setup.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { runMain } from '../packages/torch/setup/setup-error.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';

await runMain(async () => {
  await ensureNpmPackages(path.resolve(fileURLToPath(new URL('..', import.meta.url))));
  process.argv.splice(2, 0, '--pytorch');
  await import('../packages/torch/setup/cli.mjs');
});

// Makes everything ready that the other commands need. Says what it does, does nothing twice, and is silent when
// there is nothing to do. With --test also what the tests need: the Python whose PyTorch they compare with, and Chromium.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { ensureAddon } from '../packages/torch/setup/ensure-addon.mjs';
import { ensureReferencePython, missingReferenceMessage } from '../packages/torch/setup/reference-python.mjs';
import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { buildPages } from './lib/build-pages.mjs';
import { ensureChromium, missingChromiumMessage } from './lib/chromium.mjs';
import { compileTypeScript } from './lib/compile-typescript.mjs';
import { ensureNpmPackages } from './lib/npm-packages.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  checkNode();
  await ensureNpmPackages(root);
  await ensureAddon({ install: true });
  await compileTypeScript(root);
  await buildPages(root);
  if (process.argv.includes('--test')) await ensureTestTools();
});

async function ensureTestTools() {
  if ((await ensureReferencePython()) === null) console.log(missingReferenceMessage());
  if ((await ensureChromium()) === null) console.log(missingChromiumMessage());
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `Node ${process.versions.node} in ${process.execPath} is too old: expected 20.19 or newer. Install a current one from nodejs.org.`,
    'NODE',
  );
}

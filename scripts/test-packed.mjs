// `npm run test:packed`: packs the three packages from a copy of the tree where nothing is built, installs them into an empty
// folder, and uses them there as their users do: set-up, training, prediction, export, demo, library, types.
// `--packages FOLDER` takes the .tgz files in it; `--keep` leaves the temporary folders.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { step } from '../packages/torch/setup/step.mjs';
import { copyAsCloned, packAll } from './lib/pack.mjs';
import { usePacked } from './lib/use-packed.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  const { keep, packages } = readOptions();
  const temporary = mkdtempSync(path.join(os.tmpdir(), 'packed '));
  try {
    const folder = packages ?? path.join(temporary, 'packages');
    if (packages === undefined) await packFromClone(path.join(temporary, 'clone'), folder);
    await usePacked(path.join(temporary, 'app'), folder);
    console.log('The packed packages work.');
  } finally {
    if (keep) console.log(`Kept: ${temporary}`);
    else rmSync(temporary, { recursive: true, force: true });
  }
});

function readOptions() {
  try {
    const { values } = parseArgs({ options: { packages: { type: 'string' }, keep: { type: 'boolean' } } });
    return { keep: values.keep ?? false, packages: values.packages && path.resolve(values.packages) };
  } catch (error) {
    throw new SetupError(
      `${error instanceof Error ? error.message : error}\n\nUsage: npm run test:packed [-- --packages FOLDER] [--keep]`,
      'USAGE',
    );
  }
}

/** @param {string} clone @param {string} to */
async function packFromClone(clone, to) {
  await step('Packing from a copy where nothing is built', async () => {
    await copyAsCloned(root, clone);
    await packAll(clone, to);
  });
}

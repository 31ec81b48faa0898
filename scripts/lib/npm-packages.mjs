// Installs the packages of package-lock.json, when they are not the ones in node_modules.
import path from 'node:path';

import { isFolder, readText, sha256 } from '../../packages/torch/setup/files.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { step } from '../../packages/torch/setup/step.mjs';
import { npm } from './npm.mjs';
import { readStamp, updateStamp } from './stamp.mjs';

/** @param {string} root @throws {SetupError} with npm's last lines */
export async function ensureNpmPackages(root) {
  const lock = readText(path.join(root, 'package-lock.json'));
  if (lock === null)
    throw new SetupError(
      `${path.join(root, 'package-lock.json')} is missing. It is part of the repository: restore it with git checkout package-lock.json.`,
    );
  const packageLock = sha256(lock);
  if (isFolder(path.join(root, 'node_modules')) && readStamp(root).packageLock === packageLock) return;
  await step('Installing npm packages (npm ci)', () => npmCi(root), {
    detail: (output) => /added \d+ packages?/.exec(output)?.[0] ?? '',
  });
  updateStamp(root, { packageLock });
}

/** Without the packages' own scripts: this set-up builds the one addon that needs it. @param {string} root @returns {Promise<string>} */
async function npmCi(root) {
  const { output } = await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: root });
  return output;
}

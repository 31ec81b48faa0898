// The Chromium in which the pages are tested: CHROMIUM, one on the PATH, or Debian's, which the set-up installs.
import { installPackages, missingPackages, rootPrefix } from '../../packages/torch/setup/debian-packages.mjs';
import { isExecutable } from '../../packages/torch/setup/files.mjs';
import { findOnPath } from '../../packages/torch/setup/find-python.mjs';
import { detectSystem } from '../../packages/torch/setup/operating-system.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const onMacos = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {string | null} the program's path
 * @throws {SetupError} when CHROMIUM names no program
 */
export function findChromium({ env = process.env } = {}) {
  if (env.CHROMIUM) {
    if (isExecutable(env.CHROMIUM)) return env.CHROMIUM;
    throw new SetupError(
      `CHROMIUM=${env.CHROMIUM}: expected the path of a Chromium or Chrome. Correct CHROMIUM or unset it.`,
      'CHROMIUM',
    );
  }
  const found = names.map((name) => findOnPath(name, { env })).find((file) => file !== null);
  return found ?? (isExecutable(onMacos) ? onMacos : null);
}

/**
 * Installs Debian's chromium where there is none and it may. Not Ubuntu's, which is a snap that sees no other folders.
 *
 * @param {import('../../packages/torch/setup/install-libtorch.mjs').InstallOptions} [options]
 * @returns {Promise<string | null>} null where it cannot be installed: see `missingChromiumMessage`
 */
export async function ensureChromium({ system = detectSystem(), ...apt } = {}) {
  const found = findChromium();
  if (found !== null || system.kind !== 'debian' || /ubuntu/i.test(system.name)) return found;
  const prefix = await rootPrefix(apt);
  if (prefix === null) return null;
  const missing = await missingPackages(['chromium'], apt);
  if (missing.length > 0) await installPackages(missing, prefix, apt);
  return findChromium();
}

/** What to say where `ensureChromium` gave null. */
export const missingChromiumMessage = () =>
  `No Chromium: the tests of the pages are skipped. To run them:
  Debian: sudo apt-get install chromium
or name a Chromium or Chrome in CHROMIUM.`;

// Installs Debian packages, for root or with sudo that asks for no password.
import { lastLines, runCommand } from './run-command.mjs';
import { SetupError } from './setup-error.mjs';
import { step } from './step.mjs';

/** @typedef {{ run?: import('./run-command.mjs').RunCommand, uid?: number, out?: { write(text: string): unknown } }} AptOptions replaced in tests */

/**
 * @param {string[]} names
 * @param {AptOptions} [options]
 * @returns {Promise<string[]>} those that are not installed
 */
export async function missingPackages(names, { run = runCommand } = {}) {
  const installed = await Promise.all(names.map((name) => run('dpkg-query', ['--status', name])));
  return names.filter((_, i) => !/^Status: install ok installed$/m.test(installed[i]?.stdout ?? ''));
}

/**
 * The words to put before a command that root must run.
 *
 * @param {AptOptions} [options]
 * @returns {Promise<string[] | null>} null when this user may not become root without a password
 */
export async function rootPrefix({ run = runCommand, uid = process.getuid?.() } = {}) {
  if (uid === 0) return [];
  return (await run('sudo', ['-n', 'true'])).code === 0 ? ['sudo', '-n'] : null;
}

/**
 * The version that apt would install, after an update when its lists are empty.
 *
 * @param {string} name
 * @param {string[]} prefix of `rootPrefix`
 * @param {AptOptions} [options]
 * @returns {Promise<string | null>} null when no source has the package
 */
export async function candidateVersion(name, prefix, { run = runCommand, out } = {}) {
  const ask = async () =>
    /^\s*Candidate: (\S+)$/m.exec((await run('apt-cache', ['policy', name])).stdout)?.[1] ?? '(none)';
  let version = await ask();
  if (version === '(none)') {
    await updateLists(prefix, { run, out });
    version = await ask();
  }
  // The epoch before a colon is Debian's own count.
  return version === '(none)' ? null : version.replace(/^\d+:/, '');
}

/**
 * Says which packages come, then installs them; when that fails for old lists, updates them and tries once more.
 *
 * @param {string[]} names
 * @param {string[]} prefix of `rootPrefix`
 * @param {AptOptions} [options]
 * @throws {SetupError} with apt's last lines
 */
export async function installPackages(names, prefix, { run = runCommand, out } = {}) {
  const install = () => apt(['install', '-y', '--no-install-recommends', ...names], prefix, run);
  await step(
    `Installing Debian packages: ${names.join(' ')}`,
    async () => {
      if ((await install()).code === 0) return;
      await apt(['update'], prefix, run);
      const { code, output } = await install();
      if (code !== 0)
        throw new SetupError(`apt-get could not install ${names.join(' ')}:\n${lastLines(output)}`, 'APT');
    },
    { out },
  );
}

/** @param {string[]} prefix @param {AptOptions} options */
function updateLists(prefix, { run = runCommand, out }) {
  return step(
    'Updating the lists of Debian packages (apt-get update)',
    async () => {
      const { code, output } = await apt(['update'], prefix, run);
      if (code !== 0) throw new SetupError(`apt-get update failed:\n${lastLines(output)}`, 'APT');
    },
    { out },
  );
}

/** @param {string[]} args @param {string[]} prefix @param {import('./run-command.mjs').RunCommand} run */
function apt(args, prefix, run) {
  // sudo clears the environment, so the variable is set behind it. A new machine may be updating itself: wait for it.
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=120'];
  const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args];
  return run(String(command), rest);
}

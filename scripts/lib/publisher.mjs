// What of the packages' metadata only their publisher knows: whose they are, and where their sources are.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { packageFolders } from './pack.mjs';

/** @typedef {{ repository?: string, author?: string }} Publisher `repository`: the https address that a browser opens */

/** @param {string} root @param {string} folder @returns {Record<string, unknown>} */
export const readPackage = (root, folder) => JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));

/** Names of what a package lacks. @param {string} root @returns {('repository' | 'author')[]} */
export function missingMetadata(root) {
  const packages = packageFolders.map((folder) => readPackage(root, folder));
  /** @type {('repository' | 'author')[]} */
  const names = ['repository', 'author'];
  return names.filter((name) => packages.some((found) => !found[name]));
}

/**
 * Writes what is given into the package.json of each package; also `homepage` and `bugs`, which follow from the repository.
 *
 * @param {string} root
 * @param {Publisher} publisher
 * @throws {SetupError} for an address or an author of another form; then nothing is written
 */
export function writeMetadata(root, { repository, author }) {
  const address = repository === undefined ? undefined : repositoryAddress(repository);
  if (author !== undefined) checkAuthor(author);
  for (const folder of packageFolders) {
    const { name, version, description, keywords, license, ...rest } = readPackage(root, folder);
    const about = { name, version, description, keywords, license };
    const added = { ...(author !== undefined && { author }), ...(address && sourceFields(address, folder)) };
    const text = JSON.stringify({ ...about, ...added, ...withoutKeys(rest, Object.keys(added)) }, null, 2);
    writeFileSync(path.join(root, folder, 'package.json'), `${text}\n`);
  }
}

/** @param {string} address @param {string} folder */
const sourceFields = (address, folder) => ({
  homepage: `${address}#readme`,
  bugs: `${address}/issues`,
  repository: { type: 'git', url: `git+${address}.git`, directory: folder },
});

/** @param {Record<string, unknown>} object @param {string[]} keys */
const withoutKeys = (object, keys) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !keys.includes(name)));

/** Without `.git` and a slash at the end. @param {string} text */
function repositoryAddress(text) {
  const [, address] = /^(?:git\+)?(https:\/\/[\w.-]+(?:\/[\w.-]+?){2,})(?:\.git)?\/?$/.exec(text.trim()) ?? [];
  if (address) return address;
  throw new SetupError(
    `--repository ${text}: expected an https address with owner and name, such as https://github.com/OWNER/NAME.`,
    'USAGE',
  );
}

/** @param {string} text */
function checkAuthor(text) {
  if (/^[^<>()]*[^<>()\s][^<>()]*( <[^<>\s]+@[^<>\s]+>)?( \(https?:[^()\s]+\))?$/.test(text)) return;
  throw new SetupError(`--author ${text}: expected a name, such as "Ada Example <ada@example.org>".`, 'USAGE');
}

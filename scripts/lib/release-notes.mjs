// What must hold before a release, and what is said at its end.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { shellLine } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { packageFolders } from './pack.mjs';
import { readPackage } from './publisher.mjs';

/** @typedef {import('./pack.mjs').Packed} Packed */

/**
 * The one version of all packages, which they also take of each other.
 *
 * @param {string} root
 * @returns {string}
 * @throws {SetupError} where two differ
 */
export function commonVersion(root) {
  const version = String(readPackage(root, '.').version);
  const versions = packageFolders.flatMap((folder) => {
    const found = readPackage(root, folder);
    const own = Object.entries({
      .../** @type {object} */ (found.dependencies),
      .../** @type {object} */ (found.devDependencies),
    })
      .filter(([name]) => name === 'deit-lt' || name.startsWith('@deit-lt/'))
      .map(([name, wanted]) => ({ where: `${folder}/package.json, ${name}`, found: wanted }));
    return [{ where: `${folder}/package.json`, found: found.version }, ...own];
  });
  const other = versions.find(({ found }) => found !== version);
  if (other === undefined) return version;
  throw new SetupError(
    `${other.where}: expected version ${version}, as in package.json, found ${other.found}. Give all packages one version, then run npm install.`,
    'VERSION',
  );
}

/**
 * The text of a version's section in CHANGELOG.md.
 *
 * @param {string} root
 * @param {string} version
 * @throws {SetupError} without one that is dated and has text
 */
export function changelogSection(root, version) {
  const file = path.join(root, 'CHANGELOG.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const sections = text.split(/^(?=## )/m);
  const section = sections.find((part) => part.startsWith(`## [${version}]`)) ?? '';
  const [, dated = ''] = /^## \[[^\]]+\] - \d{4}-\d{2}-\d{2}\n([\s\S]*)$/.exec(section) ?? [];
  if (dated.trim() !== '') return dated.trim();
  throw new SetupError(
    `CHANGELOG.md has no text under "## [${version}] - YYYY-MM-DD". Put the heading under "## [Unreleased]", before its changes.`,
    'CHANGELOG',
  );
}

/**
 * What would be published and how, as text.
 *
 * @param {{ packed: Packed[], folder: string, commit: string, repository: string }} release
 */
export function publishingText({ packed, folder, commit, repository }) {
  const files = packed.map(({ filename }) => path.join(folder, filename));
  const described = packed.map(
    ({ name, version, size, unpackedSize, entryCount, integrity }) =>
      `  ${name}@${version}  ${entryCount} files, ${megabytes(size)} packed, ${megabytes(unpackedSize)} unpacked\n    ${integrity}`,
  );
  const publish = (/** @type {string[]} */ ...more) =>
    files.map((file) => `  ${shellLine(['npm', 'publish', file, '--access', 'public', ...more])}`).join('\n');
  return `Nothing was published. These are the packages of commit ${commit}:

${described.join('\n')}

To publish them, in this order, by a member of the npm organisation deit-lt (npm login):

${publish()}

Provenance: npm records which commit a package was built from, and signs it, only in GitHub Actions or GitLab CI, where the
job may ask for an identity (GitHub: "permissions: id-token: write"), of a public repository that is the one in package.json
(${repository}). There, after npm ci and npm run release:

${publish('--provenance')}

A version that was published cannot be replaced. Then tag the commit: git tag v${packed[0]?.version} ${commit}`;
}

/** @param {number} bytes */
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

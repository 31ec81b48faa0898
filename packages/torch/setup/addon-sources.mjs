// What the addon is compiled from: our C++ files and the two packages with Node-API's headers.
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { filesUnder, listFolder, readText, sha256 } from './files.mjs';
import { SetupError } from './setup-error.mjs';

/** The folder of this package. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** The folder of our C++ files. */
export const nativeDir = path.join(packageRoot, 'native');

/** @typedef {{ sources: { name: string, text: string }[], headersHash: string }} AddonSources */

/** @returns {AddonSources} the .cc files and a hash over the .h files */
export function readSources() {
  /** @param {string} end */
  const read = (end) =>
    listFolder(nativeDir)
      .filter((name) => name.endsWith(end))
      .map((name) => ({ name, text: readText(path.join(nativeDir, name)) ?? '' }));
  return { sources: read('.cc'), headersHash: sha256(...read('.h').flatMap(({ name, text }) => [name, text])) };
}

/** @returns {{ name: string, text: string }[]} what the addon of process groups is made from, see build-distributed.mjs */
export function readDistributedSources() {
  const folder = path.join(nativeDir, 'distributed');
  return filesUnder(folder).map((file) => ({ name: path.relative(folder, file), text: readText(file) ?? '' }));
}

/**
 * The folders of napi.h and node_api.h, wherever npm put the packages.
 *
 * @returns {{ nodeIncludeDirs: string[], nodeHeadersVersion: string }}
 */
export function findNodeHeaders() {
  const require = createRequire(import.meta.url);
  const files = ['node-addon-api', 'node-api-headers'].map((name) => {
    try {
      return require.resolve(`${name}/package.json`);
    } catch {
      throw new SetupError(
        `The package ${name} is not installed, and the addon is compiled with its headers. Run: npm install`,
        'NODE_HEADERS',
      );
    }
  });
  const [addonApi, apiHeaders] = files.map((file) => path.dirname(file));
  const versions = files.map((file) => JSON.parse(readText(file) ?? '{}').version);
  return {
    nodeIncludeDirs: [String(addonApi), path.join(String(apiHeaders), 'include')],
    nodeHeadersVersion: versions.join(' '),
  };
}

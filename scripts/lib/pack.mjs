// The three packages as `npm pack` makes them.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { runCommand } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { buildPages } from './build-pages.mjs';
import { compileTypeScript } from './compile-typescript.mjs';
import { npm } from './npm.mjs';
import { ensureNpmPackages } from './npm-packages.mjs';

/** @typedef {{ name: string, version: string, filename: string, size: number, unpackedSize: number, entryCount: number, integrity: string, files: { path: string }[] }} Packed as `npm pack --json` describes it, sizes in bytes */

/** In the order in which they are published: each needs those before it. */
export const packageFolders = ['packages/torch', 'packages/web', 'packages/deit-lt'];

/**
 * Compiles the TypeScript and builds the pages, also where nothing is installed yet. Not the addon, which every machine compiles
 * for its own libtorch.
 *
 * @param {string} root
 * @throws {SetupError} with the messages of what failed
 */
export async function buildPackages(root) {
  await ensureNpmPackages(root);
  await compileTypeScript(root);
  await buildPages(root);
}

/**
 * Copies what git knows of a working tree and what it would add: a clone as it would be after a commit, with nothing built.
 *
 * @param {string} root
 * @param {string} to
 * @throws {SetupError} outside of a git repository
 */
export async function copyAsCloned(root, to) {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { code, stdout, output } = await runCommand('git', args, { cwd: root });
  if (code !== 0)
    throw new SetupError(`${root} cannot be copied as a clone: git ls-files failed: ${output.trim()}`, 'GIT');
  for (const name of new Set(stdout.split('\0'))) {
    if (name === '' || !existsSync(path.join(root, name))) continue;
    mkdirSync(path.dirname(path.join(to, name)), { recursive: true });
    copyFileSync(path.join(root, name), path.join(to, name));
  }
}

/**
 * Packs the packages in the clone at `root` into a folder.
 *
 * @param {string} root
 * @param {string} destination
 * @returns {Promise<Packed[]>} in the order of `packageFolders`
 * @throws {SetupError} with npm's first errors
 */
export async function packAll(root, destination) {
  mkdirSync(destination, { recursive: true });
  const packed = [];
  for (const folder of packageFolders) {
    const cwd = path.join(root, folder);
    // Twice, because what the first prints is mixed with what its `prepack` prints.
    await npm(['pack', '--pack-destination', destination], { cwd });
    const { stdout } = await npm(['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd });
    const described = JSON.parse(stdout);
    packed.push(Array.isArray(described) ? described[0] : Object.values(described)[0]);
  }
  return packed;
}

// `npm run release`: checks, builds and packs what is committed, tries the packages out in an empty folder, and prints what would
// be published and by which commands. It publishes nothing. Asks for what only the publisher knows: repository and author.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { lastLines, runCommand } from '../packages/torch/setup/run-command.mjs';
import { runMain, SetupError } from '../packages/torch/setup/setup-error.mjs';
import { step } from '../packages/torch/setup/step.mjs';
import { buildPackages, packAll, packageFolders } from './lib/pack.mjs';
import { missingMetadata, readPackage, writeMetadata } from './lib/publisher.mjs';
import { changelogSection, commonVersion, publishingText } from './lib/release-notes.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

const usage = `Usage: npm run release [-- --repository URL] [-- --author "NAME <MAIL>"]

  --repository   https address of the sources, such as https://github.com/OWNER/NAME
  --author       whose the packages are
Both are written into the package.json of the packages, once; where they are missing, they are asked for.`;

/** @typedef {import('./lib/publisher.mjs').Publisher} Publisher */

await runMain(async () => {
  const given = readOptions();
  const version = commonVersion(root);
  const changes = changelogSection(root, version);
  if (await completeMetadata(given)) return;
  const commit = await committed();
  const folder = path.join(root, 'release', version);
  await buildPackages(root);
  await step('Checking: npm run check', () => script('check'));
  const packed = await step('Packing', () => packInto(folder));
  console.log('Trying the packages out: npm run test:packed');
  await script('test:packed', ['--', '--packages', folder], { shown: true });
  const repository = String(
    /** @type {{ url: string }} */ (readPackage(root, String(packageFolders[0])).repository).url,
  );
  console.log(
    `\nChanges in ${version}: ${changes.split('\n').filter((line) => line.startsWith('- ')).length} in CHANGELOG.md\n`,
  );
  console.log(publishingText({ packed, folder: path.relative(process.cwd(), folder), commit, repository }));
});

/** @returns {Publisher & { help?: boolean }} */
function readOptions() {
  try {
    const options = /** @type {const} */ ({ repository: { type: 'string' }, author: { type: 'string' } });
    return parseArgs({ options }).values;
  } catch (error) {
    throw new SetupError(`${error instanceof Error ? error.message : error}\n\n${usage}`, 'USAGE');
  }
}

/** Writes what is given or asked for. @param {Publisher} given @returns {Promise<boolean>} whether anything was written */
async function completeMetadata(given) {
  const missing = missingMetadata(root).filter((name) => given[name] === undefined);
  const answers = missing.length === 0 ? {} : await ask(missing);
  const publisher = { ...given, ...answers };
  if (Object.keys(publisher).length === 0) return false;
  writeMetadata(root, publisher);
  console.log(
    `Written into ${packageFolders.map((folder) => `${folder}/package.json`).join(', ')}.\nCommit them, then run npm run release again.`,
  );
  return true;
}

/** @param {('repository' | 'author')[]} names @returns {Promise<Publisher>} */
async function ask(names) {
  if (!process.stdin.isTTY)
    throw new SetupError(
      `package.json of the packages lacks ${names.join(' and ')}, which only their publisher knows.\n\n${usage}`,
      'METADATA',
    );
  const questions = { repository: 'Address of the public repository (https://…): ', author: 'Author (NAME <MAIL>): ' };
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    /** @type {Publisher} */
    const answers = {};
    for (const name of names) answers[name] = (await terminal.question(questions[name])).trim();
    return answers;
  } finally {
    terminal.close();
  }
}

/** The commit, all of which and nothing else is in the tree. @throws {SetupError} naming what is not committed */
async function committed() {
  const status = await runCommand('git', ['status', '--porcelain'], { cwd: root });
  if (status.code !== 0) throw new SetupError(`A release is made of a commit: ${status.output.trim()}`, 'GIT');
  if (status.stdout !== '')
    throw new SetupError(
      `A release is made of a commit, and these files are not committed:\n${status.stdout.trimEnd()}\nCommit or remove them.`,
      'GIT',
    );
  return (await runCommand('git', ['rev-parse', '--short', 'HEAD'], { cwd: root })).stdout.trim();
}

/** @param {string} name @param {string[]} [args] @param {{ shown?: boolean }} [options] */
async function script(name, args = [], { shown = false } = {}) {
  const { code, output } = await runCommand('npm', ['run', '--silent', name, ...args], { cwd: root });
  if (shown) process.stdout.write(output);
  if (code !== 0) throw new SetupError(`npm run ${name} failed${shown ? '' : `:\n${lastLines(output)}`}`, 'RELEASE');
}

/** @param {string} folder that is made again */
async function packInto(folder) {
  rmSync(folder, { recursive: true, force: true });
  return await packAll(root, folder);
}

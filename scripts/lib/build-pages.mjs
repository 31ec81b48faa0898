// Builds the pages of packages/web with Vite, those whose sources changed since the last time.
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { filesUnder, isFile, listFolder, readText, sha256 } from '../../packages/torch/setup/files.mjs';
import { lastLines, runCommand } from '../../packages/torch/setup/run-command.mjs';
import { SetupError } from '../../packages/torch/setup/setup-error.mjs';
import { step } from '../../packages/torch/setup/step.mjs';
import { readStamp, updateStamp } from './stamp.mjs';

/** What pages import of deit-lt. */
const entries = ['browser.ts', 'browser-studio.ts'];

/** After the TypeScript, of which the pages take a part. @param {string} root @throws {SetupError} with Vite's messages */
export async function buildPages(root) {
  const web = path.join(root, 'packages/web');
  const pages = pageNames(web);
  const sources = hashSources(root, web);
  const isBuilt = pages.every((page) => isFile(path.join(web, 'build', page, 'index.html')));
  if (readStamp(root).pages === sources && isBuilt) return;
  await step(`Building pages: ${pages.join(', ')}`, async () => {
    for (const page of pages) await build(root, web, page);
  });
  updateStamp(root, { pages: sources });
}

/** Each folder of src with an index.html is a page. @param {string} web @returns {string[]} */
function pageNames(web) {
  return listFolder(path.join(web, 'src')).filter((name) => isFile(path.join(web, 'src', name, 'index.html')));
}

/** @param {string} root @param {string} web @param {string} page */
async function build(root, web, page) {
  const vite = path.join(root, 'node_modules/vite/bin/vite.js');
  const args = [vite, 'build', `src/${page}`, '--config', 'vite.config.mjs'];
  const { code, output } = await runCommand(process.execPath, args, { cwd: web });
  if (code !== 0) throw new SetupError(`The page ${page} could not be built:\n${lastLines(output)}`, 'PAGES');
}

/** @param {string} root @param {string} web */
function hashSources(root, web) {
  const own = [...filesUnder(path.join(web, 'src')), path.join(web, 'vite.config.mjs'), path.join(web, 'package.json')];
  const shared = entries.flatMap((entry) => [...importedFrom(path.join(root, 'packages/deit-lt/src', entry))]);
  const files = [...own, ...shared, path.join(root, 'package-lock.json')];
  return sha256(...files.flatMap((file) => [path.relative(root, file), readText(file) ?? '']));
}

/**
 * A TypeScript file and all that it imports by relative paths, but for types.
 *
 * @param {string} file
 * @param {Set<string>} [found]
 * @returns {Set<string>}
 */
function importedFrom(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) (?!type )[^;]*?from '(\.[^']+)\.js';$/gm);
  for (const [, name] of imports) importedFrom(path.join(path.dirname(file), `${name}.ts`), found);
  return found;
}

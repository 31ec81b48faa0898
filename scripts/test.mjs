// Runs the tests of all packages: `npm test`, or `npm test -- words`. A word that is part of a test file's path
// selects those files; any other word is a pattern for the tests' names.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { filesUnder, listFolder } from '../packages/torch/setup/files.mjs';
import { findReferencePython } from '../packages/torch/setup/reference-python.mjs';
import { runMain } from '../packages/torch/setup/setup-error.mjs';
import { findChromium } from './lib/chromium.mjs';

const root = path.resolve(fileURLToPath(new URL('..', import.meta.url)));

await runMain(async () => {
  const { files, namePatterns } = select(testFiles(), process.argv.slice(2));
  if (files.length === 0) throw new Error('internal: no test file found under packages/*/dist and packages/*/setup');
  const args = [
    '--test',
    // Two at a time: each file starts its own libtorch, with its own threads and memory.
    '--test-concurrency=2',
    '--test-reporter=spec',
    '--enable-source-maps',
    '--expose-gc',
    ...namePatterns.map((pattern) => `--test-name-pattern=${pattern}`),
    ...files,
  ];
  const python = await findReferencePython();
  const chromium = findChromium();
  const env = {
    ...process.env,
    ...(python !== null && { PYTHON_TORCH: python }),
    ...(chromium !== null && { CHROMIUM: chromium }),
  };
  spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' }).on('close', (code) => process.exit(code ?? 1));
});

/** @returns {string[]} relative to the root */
function testFiles() {
  const folders = listFolder(path.join(root, 'packages')).map((name) => path.join(root, 'packages', name));
  const compiled = folders.flatMap((folder) =>
    filesUnder(path.join(folder, 'dist')).filter((file) => file.endsWith('.test.js')),
  );
  const setup = folders.flatMap((folder) =>
    filesUnder(path.join(folder, 'setup')).filter((file) => file.endsWith('.test.mjs')),
  );
  const scripts = filesUnder(path.join(root, 'scripts')).filter((file) => file.endsWith('.test.mjs'));
  return [...scripts, ...setup, ...compiled].map((file) => path.relative(root, file));
}

/** @param {string[]} all @param {string[]} words */
function select(all, words) {
  const paths = words.filter((word) => all.some((file) => file.includes(word)));
  const chosen = paths.length === 0 ? all : all.filter((file) => paths.some((word) => file.includes(word)));
  return { files: chosen, namePatterns: words.filter((word) => !paths.includes(word)) };
}

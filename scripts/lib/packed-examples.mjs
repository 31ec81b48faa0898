// The examples of modules of --plugin, used with installed packages as their READMEs say.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { listFolder } from '../../packages/torch/setup/files.mjs';

/** The commands of an example's README, one list of words each. @param {string} readme */
export function commandsOf(readme) {
  const [, block = ''] = /```sh\n([\s\S]*?)```/.exec(readme) ?? [];
  const lines = block.replaceAll('\\\n', ' ').split('\n');
  return lines.filter((line) => line.startsWith('npx ')).map((line) => line.trim().split(/\s+/).slice(1));
}

/**
 * Runs the commands of each example in a folder of its own in `app`.
 *
 * @param {string} examples the folder of the examples
 * @param {string} app where the packages are installed
 * @param {(words: string[], folder: string) => Promise<unknown>} run
 * @returns {Promise<string[]>} the names of the examples
 */
export async function runExamples(examples, app, run) {
  const names = listFolder(examples).filter((name) => name.startsWith('own-'));
  for (const name of names) {
    const folder = path.join(app, name);
    mkdirSync(folder);
    cpSync(path.join(examples, name), folder, { recursive: true });
    if (name === 'own-data') writeArrays(path.join(folder, 'images.arrays.json'));
    for (const words of commandsOf(readFileSync(path.join(folder, 'README.md'), 'utf8'))) await run(words, folder);
  }
  return names;
}

/** Two classes, dark and light, in the format of examples/own-data. @param {string} file */
function writeArrays(file) {
  const images = (/** @type {number} */ each) =>
    [0, 1].flatMap((label) =>
      Array.from({ length: each }, (_, i) => [label, new Array(16 * 16 * 3).fill(60 + 120 * label + i)]),
    );
  writeFileSync(file, JSON.stringify({ classes: ['dark', 'light'], side: 16, train: images(12), test: images(4) }));
}

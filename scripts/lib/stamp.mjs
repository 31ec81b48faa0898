// What the set-up did last, so that it does nothing twice. Kept inside node_modules: removing that forgets it all.
import path from 'node:path';

import { readText, writeAtomically } from '../../packages/torch/setup/files.mjs';

/** @typedef {{ packageLock?: string, typescript?: string, pages?: string }} Stamp hashes of what was installed, compiled and built */

/** @param {string} root */
const stampFile = (root) => path.join(root, 'node_modules/.deit-lt-setup');

/** @param {string} root @returns {Stamp} */
export function readStamp(root) {
  try {
    return JSON.parse(readText(stampFile(root)) ?? '{}');
  } catch {
    return {};
  }
}

/** @param {string} root @param {Stamp} changes */
export function updateStamp(root, changes) {
  writeAtomically(stampFile(root), JSON.stringify({ ...readStamp(root), ...changes }));
}

// Makes a folder and its parents. Node's own `recursive` never returns where the system says that a folder to be made does not
// exist although its parent does, as in /proc and in a home folder that automount does not find.
import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** Makes `folder` unless it exists. Throws the error of the system. @param {string} folder */
export function makeFolder(folder) {
  /** @type {string[]} */
  const missing = [];
  const exists = (/** @type {string} */ place) => statSync(place, { throwIfNoEntry: false }) !== undefined;
  for (let place = path.resolve(folder); !exists(place) && place !== path.dirname(place); place = path.dirname(place))
    missing.unshift(place);
  for (const place of missing) {
    try {
      mkdirSync(place);
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error; // another process may have just made it
    }
  }
}

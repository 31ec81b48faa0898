/** A list of images whose folder is wrong. */
import fs from 'node:fs';
import path from 'node:path';
import { UserError } from '../../errors.js';
import type { FilePaths } from '../file-paths.js';

const lookedAt = 100;

/**
 * A wrong root is likelier than a hundred lost images: said once, before each is reported. Throws UserError
 * DATA_NOT_FOUND when none of a hundred images, evenly over the list, is there.
 */
export function requireSomeFile(list: string, root: string, paths: FilePaths): void {
  const step = Math.ceil(paths.length / lookedAt);
  for (let i = 0; i < paths.length; i += step) if (fs.existsSync(paths.get(i))) return;
  throw new UserError(
    'DATA_NOT_FOUND',
    `the images of ${list} are not in ${path.resolve(root)}: ${paths.get(0)} does not exist; give their folder with --root`,
  );
}

/** Whether a file can be written where the user wants it: found out before the work, not after it. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';

/** Throws UserError RUN_FOLDER unless the folder of `file` exists and `file` is not one itself. */
export function requireWritablePlace(file: string): void {
  const folder = path.dirname(path.resolve(file));
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new UserError('RUN_FOLDER', `cannot write ${file}: its folder does not exist; make it first.`);
  if (existsSync(file) && statSync(file).isDirectory())
    throw new UserError('RUN_FOLDER', `cannot write ${file}: it is a folder; name a file.`);
}

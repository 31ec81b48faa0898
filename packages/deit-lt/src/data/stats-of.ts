/**
 * Returns what is at a path of the user, which may be nothing: also a link that leads nowhere or to itself, or no valid
 * path.
 */
import fs from 'node:fs';
import { UserError } from '../errors.js';

/** Undefined when nothing is there. Throws UserError DATA_NOT_FOUND when the system does not let one look. */
export function statsOf(place: string): fs.Stats | undefined {
  try {
    return fs.statSync(place);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EACCES' || code === 'EPERM')
      throw new UserError('DATA_NOT_FOUND', `${place} cannot be read (permission denied)`, { cause });
    return undefined;
  }
}

/**
 * Makes a folder and those around it. Node's own `recursive` never ends where the system says that a folder to be made does not
 * exist although the one around it does, as in /proc and in the place of a home folder that automount does not find.
 */
import fs from 'node:fs/promises';
import path from 'node:path';

/** Makes `folder` unless it is there. Throws what the system says. */
export async function makeFolder(folder: string): Promise<void> {
  const missing: string[] = [];
  for (let place = path.resolve(folder); !(await isThere(place)); place = path.dirname(place)) missing.unshift(place);
  for (const place of missing) await fs.mkdir(place).catch(unlessThere);
}

/** Whether anything is at `place`; that it is a folder is found when something is put into it. */
async function isThere(place: string): Promise<boolean> {
  return fs.stat(place).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' && place !== path.dirname(place)) return false;
      throw error;
    },
  );
}

/** Another process may have just made it. */
function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

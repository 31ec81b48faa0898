/** Finds the built pages of `@deit-lt/web`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';

/**
 * The folder of a page, `demo` or `studio`: its `index.html` and all that it needs. Throws UserError USAGE when it is
 * not built.
 */
export function pageFolder(page: string): string {
  const folder = path.join(packageFolder(), 'build', page);
  if (existsSync(path.join(folder, 'index.html'))) return folder;
  throw new UserError('USAGE', `the page ${page} is not built: run "npm run build" in the folder of the project.`);
}

function packageFolder(): string {
  return path.dirname(fileURLToPath(import.meta.resolve('@deit-lt/web/package.json')));
}

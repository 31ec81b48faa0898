/** Files of a folder by the path of an address, and of no other folder. */
import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';

/**
 * The file of `folder` that `pathname` (of a URL, still encoded) names; `/` at its end is `index.html`. Undefined for what is
 * not there, is not a plain file, or lies outside, also by way of a symbolic link.
 */
export function fileAt(folder: string, pathname: string): string | undefined {
  const name = decoded(pathname);
  if (name === undefined || /[\0\\]/.test(name) || name.split('/').includes('..')) return undefined;
  try {
    const root = realpathSync(folder);
    const file = realpathSync(path.join(root, name.endsWith('/') ? `${name}index.html` : name));
    return file.startsWith(root + path.sep) && statSync(file).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}

function decoded(pathname: string): string | undefined {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}

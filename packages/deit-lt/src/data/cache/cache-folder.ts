/** The folder where downloads and decoded images are kept between runs. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * `$DEIT_LT_CACHE`, else `$XDG_CACHE_HOME/deit-lt` (an absolute path, as its specification wants), else
 * `~/.cache/deit-lt`. Where there is no home folder, as for a user id that is not in `/etc/passwd`: a folder of this
 * user in the system's temporary folder.
 */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.DEIT_LT_CACHE) return path.resolve(env.DEIT_LT_CACHE);
  const xdg = env.XDG_CACHE_HOME;
  if (xdg && path.isAbsolute(xdg)) return path.join(xdg, 'deit-lt');
  const home = homeFolder();
  return home === undefined ? temporaryCache() : path.join(home, '.cache', 'deit-lt');
}

/** An absolute path; undefined when it is unknown. */
function homeFolder(): string | undefined {
  try {
    const home = os.homedir();
    return path.isAbsolute(home) ? home : undefined;
  } catch {
    return undefined;
  }
}

let ownCache: string | undefined;

/** The same for each process of a user; a new one when somebody else has made a folder of that name. */
function temporaryCache(): string {
  ownCache ??= findTemporaryCache();
  return ownCache;
}

function findTemporaryCache(): string {
  const uid = process.getuid?.();
  const folder = path.join(os.tmpdir(), `deit-lt-cache-${uid ?? 'user'}`);
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    return folder;
  } catch {
    const stats = fs.lstatSync(folder, { throwIfNoEntry: false });
    if (stats?.isDirectory() && (uid === undefined || stats.uid === uid)) return folder;
  }
  return path.join(os.tmpdir(), `deit-lt-cache-${process.pid}-${Date.now()}`); // whoever writes to it makes it, or says that it cannot
}

/** The folder where downloads and decoded images are kept between runs. */
import os from 'node:os';
import path from 'node:path';

/** `$DEIT_LT_CACHE`, else `$XDG_CACHE_HOME/deit-lt`, else `~/.cache/deit-lt`. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.DEIT_LT_CACHE) return path.resolve(env.DEIT_LT_CACHE);
  return path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'deit-lt');
}

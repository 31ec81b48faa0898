/**
 * Patterns of file names, for shells that do not expand them: `photos/*.jpg`, `[0-9]*.jpg`, `cat-{1..9}.{png,webp}`,
 * and `**` for folders at any depth. What they mean is bash's, with extglob and globstar, by minimatch.
 */
import path from 'node:path';
import { Minimatch } from 'minimatch';
import { filesUnder } from './list-images.js';
import { statsOf } from './stats-of.js';

const isWindows = path.sep === '\\';

/** Returns whether a path has a sign of a pattern. */
export function isPattern(text: string): boolean {
  return /[*?{[]|[@+!]\(/.test(text);
}

/**
 * Image files that match, sorted folder by folder; none when the folder before the first sign does not exist. A folder
 * whose name has signs and that exists is meant by its name: `photos [2020]/*.jpg`. Throws as `filesUnder`.
 */
export async function matchingImages(pattern: string): Promise<string[]> {
  const { folder, rest } = splitPattern(isWindows ? pattern.replaceAll('\\', '/') : pattern);
  if (!isFolder(folder)) return [];
  const matcher = matcherOf(rest);
  const root = path.resolve(folder);
  const nameOf = (file: string): string => path.relative(root, file).replaceAll(path.sep, '/');
  const enters = (inner: string): boolean => matcher.match(nameOf(inner), true);
  const { images } = await filesUnder(folder, { enters });
  const names = images.map((file) => path.relative(root, file));
  return names.filter((name) => matcher.match(name.replaceAll(path.sep, '/'))).map((name) => path.join(folder, name));
}

/** A path with `/` that matches as bash would match it. */
export function matcherOf(pattern: string): Minimatch {
  return new Minimatch(pattern, { nonegate: true, nocomment: true });
}

/** The folder that is meant by its name, and the pattern within it. */
function splitPattern(pattern: string): { folder: string; rest: string } {
  const parts = pattern.split('/');
  const isNamed = (count: number): boolean =>
    parts.slice(0, count).every((part) => !isPattern(part)) || isFolder(parts.slice(0, count).join('/'));
  let count = 0;
  while (count < parts.length - 1 && isNamed(count + 1)) count++;
  const folder = parts.slice(0, count).join('/') || (pattern.startsWith('/') ? '/' : '.');
  return { folder, rest: parts.slice(count).join('/') };
}

function isFolder(place: string): boolean {
  return statsOf(place === '' ? '/' : place)?.isDirectory() ?? false;
}

/** Patterns of file names, for shells that leave them as they are: `photos/*.jpg`, or `cat-?.{png,webp}` in any folder. */
import path from 'node:path';
import { filesUnder } from './list-images.js';

/** Whether a path has a sign of a pattern. */
export function isPattern(text: string): boolean {
  return /[*?{]/.test(text);
}

/** Image files that match, sorted folder by folder; none when the folder before the first sign does not exist. */
export async function matchingImages(pattern: string): Promise<string[]> {
  const parts = pattern.split('/');
  const first = parts.findIndex(isPattern);
  const folder = parts.slice(0, first).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const matches = expressionOf(parts.slice(first).join('/'));
  const { images } = await filesUnder(folder).catch((): { images: string[] } => ({ images: [] }));
  const root = path.resolve(folder);
  const names = images.map((file) => path.relative(root, file));
  return names.filter((name) => matches.test(name)).map((name) => path.join(folder, name));
}

/** `*` and `?` within a folder, `**` through folders, `{a,b}` one of these. */
export function expressionOf(pattern: string): RegExp {
  const signs: Record<string, string> = {
    '**/': '(?:.*/)?',
    '**': '.*',
    '*': '[^/]*',
    '?': '[^/]',
    '{': '(?:',
    '}': ')',
    ',': '|',
  };
  let depth = 0;
  const source = pattern.replace(/\*\*\/|\*\*|[*?{},]|[.+^$()|[\]\\]/g, (sign) => {
    if (sign === '{') depth++;
    if (sign === '}') depth--;
    return sign === ',' && depth === 0 ? ',' : (signs[sign] ?? `\\${sign}`);
  });
  if (depth !== 0) return /(?!)/; // braces that do not close match nothing
  return new RegExp(`^${source}$`);
}

/** Paths and names of classes that no system and no person made: of a file that is damaged, or of another kind. */
import { UserError } from '../../errors.js';

/** Linux's limit of a path. */
const longestPath = 4096;
const longestName = 1000;

/** `path`. Throws UserError DATA_LAYOUT, which begins with `where`, for one that no file can have. */
export function requirePath(path: string, where: string): string {
  if (path.includes('\0')) throw new UserError('DATA_LAYOUT', `${where}: the path ${begin(path)} has a zero byte`);
  if (path.length > longestPath)
    throw new UserError('DATA_LAYOUT', `${where}: a path of ${path.length} characters, ${begin(path)}`);
  return path;
}

/** `name` of a class. Throws as `requirePath` for one that is too long to be read. */
export function requireName(name: string, where: string): string {
  if (name.length > longestName)
    throw new UserError('DATA_LAYOUT', `${where}: a class name of ${name.length} characters, ${begin(name)}`);
  return name;
}

/** `names`. Throws UserError DATA_CLASSES when two classes have one name; `where` is the file that has them. */
export function requireDistinct(names: string[], where: string): string[] {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new UserError('DATA_CLASSES', `${where}: two classes have the name ${begin(name)}`);
    seen.add(name);
  }
  return names;
}

const begin = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);

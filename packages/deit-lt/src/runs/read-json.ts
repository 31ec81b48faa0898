/** JSON files that somebody else may have written or damaged: read within bounds, and checked before anything believes them. */
import { readFileSync, statSync } from 'node:fs';
import type { z } from 'zod';
import { beginning } from '../text/visible.js';

/** Node has no longer text; the files of a run have a few MB. */
const mostBytes = 256 << 20;

export interface ReadJsonOptions {
  /** Refuses an object that has a key twice, of which JSON keeps the last: for files that people write. Default false. */
  readonly uniqueKeys?: boolean;
}

/** Parses the JSON in `file` with `schema`. Throws Error with the reason, for the end of a sentence. */
export function readJson<T>(file: string, schema: z.ZodType<T>, { uniqueKeys = false }: ReadJsonOptions = {}): T {
  const found = statSync(file);
  if (!found.isFile()) throw new Error('it is not a file'); // a pipe would never end
  if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes, expected at most ${mostBytes}`);
  const text = readFileSync(file, 'utf8');
  const value = parsedJson(text);
  const repeated = uniqueKeys ? repeatedKey(text) : undefined;
  if (repeated !== undefined) throw new Error(`its key "${beginning(repeated, 200)}" occurs twice`);
  return checked(value, schema);
}

/** Returns a key that an object of the JSON in `text`, which is valid, has twice; undefined where there is none. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"\s*:?|[{}]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return undefined;
}

/** Throws Error that says what is wrong, without quoting all of it. */
export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')); // editors on Windows begin files with it
  } catch (error) {
    throw new Error(
      text.trim() === '' ? 'it is empty' : `it is not JSON (${beginning((error as Error).message, 200)})`,
    );
  }
}

/** `value` as `schema` has it. Throws Error with the first thing that is wrong: `data.groups.3: expected one of …`. */
export function checked<T>(value: unknown, schema: z.ZodType<T>): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first, ...others] = result.error.issues;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new Error(`${reasonOf(first!, value)}${more}`);
}

/** A list has thousands of entries, and a damaged file may have long names. */
function placeOf(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '' : `${beginning(path.map(String).join('.'), 200)}: `;
}

/** Zod's own words begin with what kind of mistake it is; a message of ours, `its format is …`, needs no place. */
function reasonOf({ message, path }: z.core.$ZodIssue, value: unknown): string {
  if (message.startsWith('its ')) return message;
  const found = path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );
  if (found === undefined) return `it has no ${placeOf(path).slice(0, -2)}`;
  return `${placeOf(path)}${message.replace(/^(Invalid [a-z ]+|Too big|Too small): /, '')}`;
}

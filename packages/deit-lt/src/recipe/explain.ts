/** Zod's issues as sentences for a person: which key, what is allowed, what was found. */
import type { z } from 'zod';
import { suggest } from '../nearest.js';
import { beginning } from '../text/visible.js';
import { schemaAt } from './keys.js';
import { movedKey } from './moved.js';

/** A line for each issue. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], values: unknown): string[] {
  return issues.map((issue) => explain(issue, values));
}

function explain(issue: z.core.$ZodIssue, values: unknown): string {
  const keys = issue.path.map(String);
  const name = keys.join('.');
  if (issue.code === 'unrecognized_keys') return unknownKeys(keys, issue.keys);
  const found = keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], values);
  const meaning = schemaAt(keys)?.description;
  const got = found === undefined ? 'it is missing' : `found ${textOf(found)}`;
  return `${name}: ${expectedKeys(issue, keys) ?? allowed(issue)}; ${got}${meaning === undefined ? '' : ` (${meaning})`}`;
}

/** JSON has no infinity. */
function textOf(value: unknown): string {
  return typeof value === 'number' ? String(value) : beginning(JSON.stringify(value) ?? String(value), 200);
}

function unknownKeys(path: readonly string[], unknown: readonly string[]): string {
  const known = schemaAt(path)?.keys ?? [];
  return unknown.map((key) => unknownKey([...path, key], known)).join('; ');
}

function unknownKey(keys: readonly string[], known: readonly string[]): string {
  const name = keys.join('.');
  return movedKey(name) ?? `no recipe has "${name}": ${suggest(keys.at(-1) ?? '', known)}`;
}

/** Returns the keys of an object that another value was given for, with an example where they have defaults. */
function expectedKeys(issue: z.core.$ZodIssue, path: readonly string[]): string | undefined {
  const { keys, schema } = schemaAt(path) ?? {};
  if (issue.code !== 'invalid_type' || issue.expected !== 'object' || keys === undefined) return undefined;
  const defaults = schema?.safeParse({});
  const first = Object.entries((defaults?.success === true && (defaults.data as object | null)) || {})[0];
  const example = first && `, for example --set ${[...path, first[0]].join('.')}=${textOf(first[1])}`;
  return `expected values for its keys ${keys.join(', ')}${example ?? ''}`;
}

const typeNames: Readonly<Record<string, string>> = { int: 'a whole number', tuple: 'a list', array: 'a list' };

function allowed(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${typeNames[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `expected one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'array') return `expected a list of at least ${issue.minimum}`;
      return `expected a value ${issue.inclusive ? 'of at least' : 'above'} ${issue.minimum}`;
    case 'too_big':
      return `expected a value ${issue.inclusive ? 'of at most' : 'below'} ${issue.maximum}`;
    default:
      return issue.message;
  }
}

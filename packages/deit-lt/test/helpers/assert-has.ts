/** Compares nested values with a table that has a part of them. */
import assert from 'node:assert/strict';
import { isValues } from '../../src/recipe/merge.js';

/** Every figure of `expected` is in `actual`, which may have more. */
export function assertHas(actual: unknown, expected: unknown, key: string): void {
  if (!isValues(expected)) assert.deepEqual(actual, expected, key);
  else
    for (const [name, value] of Object.entries(expected))
      assertHas(isValues(actual) ? actual[name] : undefined, value, `${key}.${name}`);
}

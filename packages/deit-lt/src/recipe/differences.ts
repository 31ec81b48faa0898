/** Finds the values in which two recipes differ. */
import { isValues } from './merge.js';
import type { Recipe } from './schema.js';

/** One key, `student.optimizer.lr`, and what each recipe has there; undefined where it has no such key. */
export interface Difference {
  readonly key: string;
  readonly value?: unknown;
  readonly other?: unknown;
}

/**
 * All but the descriptions, in the order of `recipe`; keys that only `other` has come last in their group. Lists are
 * one value.
 */
export function differences(recipe: Recipe, other: Recipe): Difference[] {
  return compare(recipe, { ...other, description: recipe.description }, []);
}

function compare(value: unknown, other: unknown, path: readonly string[]): Difference[] {
  if (isValues(value) && isValues(other)) {
    const keys = new Set([...Object.keys(value), ...Object.keys(other)]);
    return [...keys].flatMap((key) => compare(value[key], other[key], [...path, key]));
  }
  if (JSON.stringify(value) === JSON.stringify(other)) return [];
  return [{ key: path.join('.'), ...(value !== undefined && { value }), ...(other !== undefined && { other }) }];
}

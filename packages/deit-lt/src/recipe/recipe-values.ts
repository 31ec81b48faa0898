/** A complete recipe as a recipe file has it: the recipe that it extends, and the values that differ. */
import { loadRecipe } from './load.js';
import { isValues, type Values } from './merge.js';
import type { Recipe } from './schema.js';

/**
 * Returns the values with which a recipe file that extends `base` is `recipe`. Shares of a training are epochs in it. Throws
 * UserError RECIPE for a `base` that does not exist.
 */
export function recipeValues(base: string, recipe: Recipe): Values {
  return { extends: base, ...valuesBeside({ ...recipe }, { ...loadRecipe(base) }) };
}

/** A group that lacks a key of the other's, or names another choice, starts from nothing. */
function valuesBeside(own: Values, other: Values): Values {
  if (Object.keys(other).some((key) => own[key] === undefined) || own.name !== other.name)
    return { replace: true, ...own };
  const changed = Object.entries(own).flatMap(([key, value]): [string, unknown][] => {
    const before = other[key];
    if (JSON.stringify(value) === JSON.stringify(before)) return [];
    return [[key, isValues(value) && isValues(before) ? valuesBeside(value, before) : value]];
  });
  return Object.fromEntries(changed);
}

/** Nested values of recipes, and how one recipe's differences change another's. */

export type Values = { [key: string]: unknown };

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `changes` over `base`: groups of values are merged, anything else is replaced. A group in which `name` or
 * `replace: true` is new starts from nothing, so that options of another optimizer or model do not linger.
 */
export function merge(base: Values, changes: Values): Values {
  const merged: Values = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    const old = merged[key];
    merged[key] = isValues(value) ? mergeGroup(isValues(old) ? old : {}, value) : value;
  }
  return merged;
}

function mergeGroup(base: Values, changes: Values): Values {
  const { replace, ...values } = changes;
  return merge(replace === true ? {} : base, values);
}

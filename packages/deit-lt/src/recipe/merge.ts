/** Nested values of recipes, and how one recipe's differences change another's. */
import { expandPreset } from '../augment/presets.js';

export type Values = { [key: string]: unknown };

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `changes` over `base`: groups of values are merged, anything else is replaced. A group with `replace: true` starts from
 * nothing, so that options of another loss or model do not linger. One that names a `preset` (of augmentations) starts from
 * the entries of that.
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
  const preset = expandPreset(values);
  if (preset !== undefined) return merge({}, preset);
  return merge(replace === true ? {} : base, values);
}

/** Nested values of recipes, and how one recipe's differences change another's. */
import { expandPreset } from '../augment/presets.js';
import { type Choices, chosenEntry, commonOf } from './choice.js';
import { choicesAt } from './keys.js';

export type Values = { [key: string]: unknown };

export function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `changes` over `base`, which stand at `path` of a recipe: groups of values are merged, anything else is replaced. A
 * group with `replace: true` starts from nothing. One that names a `preset` (of augmentations) starts from the entries
 * of that. One that names another loss starts from the defaults of that loss, another model from the options that both
 * models have.
 */
export function merge(base: Values, changes: Values, path: readonly string[] = []): Values {
  const merged: Values = { ...base };
  for (const [key, value] of Object.entries(changes)) merged[key] = mergeValue(merged[key], value, [...path, key]);
  return merged;
}

function mergeValue(old: unknown, value: unknown, path: readonly string[]): unknown {
  const choices = choicesAt(path);
  if (choices !== undefined) return mergeChoice(old, value, path, choices);
  return isValues(value) ? mergeGroup(isValues(old) ? old : {}, value, path) : value;
}

function mergeGroup(base: Values, changes: Values, path: readonly string[]): Values {
  const { replace, ...values } = changes;
  const preset = expandPreset(values);
  if (preset !== undefined) return merge({}, preset, path);
  return merge(replace === true ? {} : base, values, path);
}

/** A bare name is short for the group that has only this name. */
function mergeChoice(old: unknown, value: unknown, path: readonly string[], choices: Choices): unknown {
  const [base, changes] = [named(old), named(value)];
  if (!isValues(changes)) return changes;
  const { replace, ...values } = changes;
  if (replace === true) return merge({}, values, path);
  return merge(baseOf(isValues(base) ? base : {}, values.name, choices), values, path);
}

const named = (value: unknown): unknown => (typeof value === 'string' ? { name: value } : value);

/** Returns the values that the options of the choice `name` are merged over, when `base` was chosen before. */
function baseOf(base: Values, name: unknown = base.name, choices: Choices): Values {
  const found = typeof name === 'string' ? chosenEntry(choices, name) : undefined;
  if (found === undefined) return base;
  const { entry, registry } = found;
  const { before, after } = commonOf(choices);
  const common = { ...before, ...after };
  const former = registry.get(String(base.name))?.options.shape;
  const isShared = (key: string): boolean => {
    if (!registry.sharedOptions || !(key in entry.options.shape)) return false;
    return registry.sharedOptions === true || former?.[key] === entry.options.shape[key];
  };
  const stays = ([key]: [string, unknown]): boolean => base.name === name || key in common || isShared(key);
  const kept = Object.fromEntries(Object.entries(base).filter(stays));
  return { name, ...entry.options.safeParse({}).data, ...kept };
}

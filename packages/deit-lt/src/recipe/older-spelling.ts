/**
 * The spelling of earlier versions: the options of samplers stood beside the sampler, and a schedule had the options of
 * all schedules. What had no effect is forgotten.
 */
import { samplerRegistry } from '../data/samplers/registry.js';
import { scheduleRegistry } from '../optim/schedule-registry.js';
import type { RegistryEntry } from '../registry.js';
import { isValues, type Values } from './merge.js';

const parts = ['teacher', 'student'] as const;

/** Former keys of a part of the recipe, and the option of its sampler that each is now. */
const samplerOptions = { repeats: 'repeats', samplerPower: 'power', samplerBeta: 'beta' } as const;
const formerKeys = Object.keys(samplerOptions) as (keyof typeof samplerOptions)[];

/** Options that a sampler without them need not have, with a value that says nothing. */
const neutralSampler: Values = { repeats: 1 };

/** Former options of every schedule, with a value that says nothing. */
const neutralSchedule: Values = { minLr: 0, cooldownEpochs: 0, milestones: [], factors: [] };

/**
 * Returns `recipe` with the present spelling of what `own`, the file that was merged into it last, has in the former one. An
 * option of a sampler that the recipe does not name stays, for a file that names it; `withoutFormerKeys` removes it.
 */
export function respelled(recipe: Values, own: Values): Values {
  const changed: Values = { ...recipe };
  for (const part of parts) {
    const [values, given] = [recipe[part], own[part]];
    if (isValues(values)) changed[part] = withOwnSchedule(withSampler(values, given), given);
  }
  return changed;
}

/** Returns `recipe` without the former options of samplers that no file gave a sampler for: they have no effect. */
export function withoutFormerKeys(recipe: Values): Values {
  const without = (values: unknown): unknown => {
    if (!isValues(values)) return values;
    return Object.fromEntries(Object.entries(values).filter(([key]) => !Object.hasOwn(samplerOptions, key)));
  };
  const changed = parts.filter((part) => part in recipe).map((part) => [part, without(recipe[part])]);
  return { ...recipe, ...Object.fromEntries(changed) };
}

/** Returns the keys that `--set` means: `student.sampler.repeats` for `student.repeats`. */
export function respelledKeys(keys: readonly string[]): readonly string[] {
  const [part, key, ...more] = keys;
  const option = samplerOptions[key as keyof typeof samplerOptions];
  const isFormer = more.length === 0 && (part === 'teacher' || part === 'student') && option !== undefined;
  return isFormer ? [part, 'sampler', option] : keys;
}

function withSampler(values: Values, given: unknown): Values {
  const sampler = named(values.sampler);
  const entry = samplerRegistry.get(String(sampler?.name));
  if (sampler === undefined || entry === undefined) return values;
  const changed: Values = { ...values, sampler };
  for (const key of formerKeys) {
    const option = samplerOptions[key];
    if (!(key in values) || !(option in entry.options.shape)) continue;
    const isNewer = isValues(given) && !(key in given) && option in (named(given.sampler) ?? {});
    if (!isNewer) changed.sampler = { ...(changed.sampler as Values), [option]: values[key] };
    delete changed[key];
  }
  const stays = ([option, value]: [string, unknown]): boolean =>
    has(entry, option) || !saysNothing(neutralSampler, option, value);
  changed.sampler = Object.fromEntries(Object.entries(changed.sampler as Values).filter(stays));
  return changed;
}

/** Removes options of other schedules: those that say nothing, and all of them from a block that has those of all schedules. */
function withOwnSchedule(values: Values, given: unknown): Values {
  const { schedule } = values;
  const entry = isValues(schedule) ? scheduleRegistry.get(String(schedule.name)) : undefined;
  if (!isValues(schedule) || entry === undefined) return values;
  const own = isValues(given) && isValues(given.schedule) ? given.schedule : {};
  const isFormer = Object.keys(neutralSchedule).every((option) => option in own);
  const stays = ([option, value]: [string, unknown]): boolean =>
    has(entry, option) || (!(isFormer && option in neutralSchedule) && !saysNothing(neutralSchedule, option, value));
  return { ...values, schedule: Object.fromEntries(Object.entries(schedule).filter(stays)) };
}

const has = (entry: RegistryEntry, option: string): boolean => option in entry.options.shape;

const saysNothing = (neutral: Values, option: string, value: unknown): boolean =>
  Object.hasOwn(neutral, option) && JSON.stringify(value) === JSON.stringify(neutral[option]);

const named = (value: unknown): Values | undefined =>
  typeof value === 'string' ? { name: value } : isValues(value) ? value : undefined;

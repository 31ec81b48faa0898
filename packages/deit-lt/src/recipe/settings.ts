/** `--set student.epochs=90`: values of a recipe from the command line. */
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { choicesAt, schemaAt } from './keys.js';
import { isValues, merge, type Values } from './merge.js';
import { movedKey } from './moved.js';
import { respelledKeys } from './older-spelling.js';
import { yamlValues } from './yaml-values.js';

/**
 * `values` with `settings` applied in order. A value is read as YAML (`0.1`, `true`, `null`, `[0.3, 1]`, text).
 * Throws UserError RECIPE for a pair without `=`, a key that no recipe has (with the nearest one), or bad YAML.
 */
export function applySettings(values: Values, settings: readonly string[]): Values {
  return namesFirst(settings.map(parseSetting)).reduce((changed, { keys, value }) => {
    const change = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return isValues(change) ? merge(changed, change) : changed;
  }, values);
}

interface Setting {
  readonly keys: readonly string[];
  readonly value: unknown;
}

/** A name comes before the options of what it names, in whatever order they were given: it would undo them. */
function namesFirst(settings: readonly Setting[]): Setting[] {
  const ordered: Setting[] = [];
  for (const setting of settings) {
    const choice = choiceNamedBy(setting);
    const isOption = (other: Setting): boolean =>
      choice !== undefined && other.keys.join('.').startsWith(`${choice}.`) && choiceNamedBy(other) !== choice;
    const at = ordered.findIndex(isOption);
    ordered.splice(at === -1 ? ordered.length : at, 0, setting);
  }
  return ordered;
}

/** `teacher.loss` of `teacher.loss=focal` and `teacher.loss.name=focal`; undefined for a setting that chooses nothing. */
function choiceNamedBy({ keys, value }: Setting): string | undefined {
  const own = keys.at(-1) === 'name' ? keys.slice(0, -1) : keys;
  const names = typeof value === 'string' && choicesAt(own) !== undefined;
  return names ? own.join('.') : undefined;
}

function parseSetting(setting: string): Setting {
  const at = setting.indexOf('=');
  if (at < 1)
    throw new UserError('RECIPE', `--set ${setting}: expected key=value, for example --set student.epochs=90.`);
  const keys = respelledKeys(setting.slice(0, at).trim().split('.'));
  checkKeys(keys);
  return { keys, value: parseValue(setting, setting.slice(at + 1)) };
}

function checkKeys(keys: readonly string[]): void {
  keys.forEach((key, depth) => {
    const known = schemaAt(keys.slice(0, depth))?.keys;
    if (known === undefined)
      throw new UserError(
        'RECIPE',
        `--set ${keys.join('.')}: ${keys.slice(0, depth).join('.')} is one value and has no ${key}.`,
      );
    if (!known.includes(key))
      throw new UserError('RECIPE', `--set ${keys.join('.')}: ${unknownKey(keys.slice(0, depth + 1), known)}`);
  });
}

function unknownKey(keys: readonly string[], known: readonly string[]): string {
  const name = keys.join('.');
  return movedKey(name) ?? `no recipe has "${name}"; ${suggest(keys.at(-1) ?? '', known)}`;
}

function parseValue(setting: string, text: string): unknown {
  try {
    return yamlValues(text);
  } catch (error) {
    throw new UserError(
      'RECIPE',
      `--set ${setting}: the value cannot be read: ${(error as Error).message.split('\n')[0]}`,
      { cause: error },
    );
  }
}

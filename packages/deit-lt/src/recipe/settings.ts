/** `--set student.epochs=90`: values of a recipe from the command line. */
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { schemaAt } from './keys.js';
import { isValues, merge, type Values } from './merge.js';
import { yamlValues } from './yaml-values.js';

/**
 * `values` with `settings` applied in order. A value is read as YAML (`0.1`, `true`, `null`, `[0.3, 1]`, text).
 * Throws UserError RECIPE for a pair without `=`, a key that no recipe has (with the nearest one), or bad YAML.
 */
export function applySettings(values: Values, settings: readonly string[]): Values {
  return settings.reduce((changed, setting) => {
    const { keys, value } = parseSetting(setting);
    const change = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
    return isValues(change) ? merge(changed, change) : changed;
  }, values);
}

function parseSetting(setting: string): { keys: string[]; value: unknown } {
  const at = setting.indexOf('=');
  if (at < 1)
    throw new UserError('RECIPE', `--set ${setting}: expected key=value, for example --set student.epochs=90.`);
  const keys = setting.slice(0, at).trim().split('.');
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
      throw new UserError(
        'RECIPE',
        `--set ${keys.join('.')}: no recipe has "${keys.slice(0, depth + 1).join('.')}"; ${suggest(key, known)}`,
      );
  });
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

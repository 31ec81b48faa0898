/** Options and sizes that functions and layers take, checked by one helper wherever they come from. */
import { clipped, describeValue, nearestName, TorchError } from './errors.js';
import { isPlainObject } from './tensor/scope.js';

/** The requirement of an option, in words and as a test. */
export interface Check {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** A whole number that is large enough. */
export const isCount = (value: unknown, least: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= least;

export const count: Check = { expected: 'a whole number of at least 0', accepts: (value) => isCount(value, 0) };
export const flag: Check = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };

/** One whole number for height and width, or both. */
export const countPair = (least: number): Check => ({
  expected: `a whole number of at least ${least}, or a pair of them`,
  accepts: (value) =>
    isCount(value, least) ||
    (Array.isArray(value) && value.length === 2 && value.every((item) => isCount(item, least))),
});

/** Throws `TorchError` (`ARGUMENT`) that names the function, the option, the expected and the received value. */
export function checkOption(where: string, name: string, value: unknown, { expected, accepts }: Check): void {
  if (!accepts(value))
    throw new TorchError('ARGUMENT', `${where}: ${name} must be ${expected}, got ${describeValue(value)}`);
}

/** `checkOption` with `count` for each value by name. */
export function checkCounts(where: string, values: Readonly<Record<string, unknown>>): void {
  for (const name in values) checkOption(where, name, values[name], count);
}

/**
 * Returns `options` if each of them is in `known`. Throws `TorchError` (`ARGUMENT`) otherwise, and for a value that is
 * not an options object: a misspelt name (`label_smoothing`) and a value in the object's place (`dropout(x, 0.1)`)
 * would silently mean the defaults.
 */
export function checkNames<O extends object>(where: string, options: O, known: readonly (keyof O & string)[]): O {
  if (!isPlainObject(options))
    throw new TorchError(
      'ARGUMENT',
      `${where}: expected an object of options (${known.join(', ')}), got ${describeValue(options)}`,
    );
  for (const name in options)
    if (options[name] !== undefined && !(known as readonly string[]).includes(name))
      throw unknownName(where, name, known);
  return options;
}

function unknownName(where: string, name: string, known: readonly string[]): TorchError {
  const near = nearestName(name, known);
  const hint = near ? `; did you mean '${near}'?` : `; the options are ${known.join(', ')}`;
  return new TorchError('ARGUMENT', `${where}: unknown option '${clipped(name)}'${hint}`);
}

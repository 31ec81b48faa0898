/** What the options of an optimizer may be, checked by one helper wherever they come from. */
import { describeValue, TorchError } from '../errors.js';

/** What an option must be, in words and as a test. */
export interface Check {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** A check for every option of a parameter group. */
export type Checks<O> = { readonly [K in keyof Required<O>]: Check };

const within =
  (low: number, high: number) =>
  (value: unknown): boolean =>
    typeof value === 'number' && value >= low && value < high;

export const nonNegative: Check = { expected: 'a number of at least 0', accepts: within(0, Number.POSITIVE_INFINITY) };
export const positiveOrNull: Check = {
  expected: 'a number above 0, or null',
  accepts: (value) => value === null || within(Number.MIN_VALUE, Number.POSITIVE_INFINITY)(value),
};
export const finite: Check = { expected: 'a finite number', accepts: Number.isFinite };
export const count: Check = {
  expected: 'a whole number of at least 0',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};
export const flag: Check = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
/** Decay rates of two running averages. 1 would freeze an average and divide by zero in its bias correction. */
export const betaPair: Check = {
  expected: 'two numbers from 0 to below 1, such as [0.9, 0.999]',
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(within(0, 1)),
};

/** Throws `TorchError` (`ARGUMENT`) that says where which option must be what, and what it was. */
export function checkOption(where: string, name: string, value: unknown, { expected, accepts }: Check): void {
  if (!accepts(value))
    throw new TorchError('ARGUMENT', `${where}: ${name} must be ${expected}, got ${describeValue(value)}`);
}

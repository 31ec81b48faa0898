/** Checks of the options of optimizers. */
import { type Check, isCount } from '../options.js';

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
/** Share of a running average that is kept: 1 would freeze it. */
export const share: Check = { expected: 'a number from 0 to below 1', accepts: within(0, 1) };
/** Iterations of an approximation; PyTorch has the same limit. */
export const steps: Check = {
  expected: 'a whole number from 1 to 99',
  accepts: (value) => isCount(value, 1) && Number(value) < 100,
};
/** One of some words. */
export const oneOf = (...words: readonly string[]): Check => ({
  expected: `one of ${words.join(', ')}`,
  accepts: (value) => words.includes(value as string),
});
/** Decay rates of two running averages. 1 would freeze an average and divide by zero in its bias correction. */
export const betaPair: Check = {
  expected: 'two numbers from 0 to below 1, such as [0.9, 0.999]',
  accepts: (value) => Array.isArray(value) && value.length === 2 && value.every(within(0, 1)),
};

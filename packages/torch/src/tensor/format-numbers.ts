/**
 * Numbers as Python's `format` writes them, and the one style that all elements of a tensor share.
 * The choice of style follows `torch/_tensor_str.py`, so that output can be compared with PyTorch's.
 */
import type { PrintOptions } from './format-options.js';

/** Digits that JavaScript gives of a number; more than enough to tell a tie from its neighbours. */
const exactDigits = 100;

/**
 * `{:.<digits>f}` of Python. JavaScript's `toFixed` differs in ties (rounds up, Python to even), in the
 * sign of -0, and from 1e21 on, where it gives up.
 */
export function pythonFixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return pythonNonFinite(value);
  const size = Math.abs(value);
  return (
    signOf(value) +
    (size < 1e21
      ? roundedToEven(size.toFixed(digits), size.toFixed(exactDigits), digits)
      : BigInt(size) + (digits > 0 ? `.${'0'.repeat(digits)}` : ''))
  );
}

/** `{:.<digits>e}` of Python: ties to even, at least two digits of exponent. */
export function pythonExponential(value: number, digits: number): string {
  if (!Number.isFinite(value)) return pythonNonFinite(value);
  const size = Math.abs(value);
  const [rounded = '', exponent = ''] = size.toExponential(digits).split('e');
  const [exact = '', exactExponent] = size.toExponential(exactDigits).split('e');
  // Other exponents mean that 9.99… was rounded up to 10, which no tie between two even digits does.
  const mantissa = exponent === exactExponent ? roundedToEven(rounded, exact, digits) : rounded;
  return `${signOf(value)}${mantissa}e${exponent.charAt(0)}${exponent.slice(1).padStart(2, '0')}`;
}

/** `rounded`, or the even neighbour where `exact` lies in the middle of two. */
function roundedToEven(rounded: string, exact: string, digits: number): string {
  const cutAt = exact.indexOf('.') + 1 + digits;
  if (!/^50*$/.test(exact.slice(cutAt))) return rounded;
  const below = digits === 0 ? exact.slice(0, cutAt - 1) : exact.slice(0, cutAt);
  return Number(below.at(-1)) % 2 === 0 ? below : rounded;
}

const signOf = (value: number): string => (value < 0 || Object.is(value, -0) ? '-' : '');

function pythonNonFinite(value: number): string {
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

export type ElementValue = number | bigint | boolean;

/** One way to write every element of a tensor, all equally wide. */
export interface ElementStyle {
  readonly width: number;
  format(value: ElementValue): string;
}

/** Formats integers and booleans without rounding. */
export function plainStyle(values: Iterable<ElementValue>): ElementStyle {
  const text = (value: ElementValue): string =>
    typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
  let width = 1;
  for (const value of values) width = Math.max(width, text(value).length);
  return { width, format: (value) => text(value).padStart(width) };
}

/** Floats: whole numbers without digits, else fixed point, or scientific where the sizes are far apart. */
export function floatStyle(values: Iterable<number>, { precision, sciMode }: PrintOptions): ElementStyle {
  const counted = Array.from(values).filter((value) => Number.isFinite(value) && value !== 0);
  const whole = (value: number): string => pythonFixed(value, 0) + (Number.isFinite(value) ? '.' : '');
  const fixed = (value: number): string => pythonFixed(value, precision);
  const scientific = (value: number): string => pythonExponential(value, precision);

  const plain = counted.every(Number.isInteger) ? whole : fixed;
  const isScientific = counted.length > 0 && (sciMode ?? needsExponents(counted, plain === whole));
  const used = isScientific ? scientific : plain;
  const width = counted.reduce((most, value) => Math.max(most, used(value).length), 1);
  return { width, format: (value) => used(value as number).padStart(width) };
}

function needsExponents(counted: readonly number[], allWhole: boolean): boolean {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const value of counted) {
    const size = Math.abs(value);
    if (size < least) least = size;
    if (size > most) most = size;
  }
  return most / least > 1000 || most > 1e8 || (!allWhole && least < 1e-4);
}

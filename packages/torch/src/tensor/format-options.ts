/** The options of printing tensors; `torch.set_printoptions` in PyTorch. */
import { describeValue, TorchError } from '../errors.js';

export interface PrintOptions {
  /** Digits after the point. Default 4. */
  precision: number;
  /** A tensor with more elements is summarised. Default 1000. */
  threshold: number;
  /** Items at each end of a summarised dimension. Default 3. */
  edgeitems: number;
  /** Columns of a line. Default 80. */
  linewidth: number;
  /** Scientific notation always or never; null lets the values decide. Default null. */
  sciMode: boolean | null;
}

const profiles = {
  default: { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: null },
  short: { precision: 2, threshold: 1000, edgeitems: 2, linewidth: 80, sciMode: null },
  full: { precision: 4, threshold: Number.POSITIVE_INFINITY, edgeitems: 3, linewidth: 80, sciMode: null },
} as const satisfies Record<string, PrintOptions>;

let current: PrintOptions = profiles.default;

const wholeFrom = (least: number, most: number) => (value: unknown) =>
  Number.isInteger(value) && (value as number) >= least && (value as number) <= most;

/** The requirement of each option, in words and as a check. */
const rules: Record<keyof PrintOptions, [string, (value: unknown) => boolean]> = {
  precision: ['a whole number from 0 to 90', wholeFrom(0, 90)],
  threshold: ['a number of at least 0, or Infinity', (value) => typeof value === 'number' && value >= 0],
  edgeitems: ['a whole number of at least 1', wholeFrom(1, Number.MAX_SAFE_INTEGER)],
  linewidth: ['a whole number of at least 1', wholeFrom(1, Number.MAX_SAFE_INTEGER)],
  sciMode: ['true, false or null', (value) => value === null || typeof value === 'boolean'],
};

/**
 * Sets how tensors are printed from now on. `profile` (`default`, `short` or `full`) sets everything, then the other
 * options apply; absent options are not changed. Throws `TorchError` for a value that does not fit.
 */
export function setPrintOptions({
  profile,
  ...options
}: Partial<PrintOptions> & { profile?: keyof typeof profiles } = {}): void {
  if (profile !== undefined && !Object.hasOwn(profiles, profile)) {
    throw new TorchError(
      'ARGUMENT',
      `setPrintOptions: profile must be one of ${Object.keys(profiles).join(', ')}, got ${describeValue(profile)}`,
    );
  }
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof PrintOptions] : undefined;
    if (rule === undefined)
      throw new TorchError(
        'ARGUMENT',
        `setPrintOptions: there is no option '${name}'; there are ${Object.keys(rules).join(', ')} and profile`,
      );
    if (!rule[1](value))
      throw new TorchError('ARGUMENT', `setPrintOptions: ${name} must be ${rule[0]}, got ${describeValue(value)}`);
  }
  current = { ...(profile === undefined ? current : profiles[profile]), ...Object.fromEntries(given) };
}

/** The current options of printing tensors. */
export function getPrintOptions(): PrintOptions {
  return { ...current };
}

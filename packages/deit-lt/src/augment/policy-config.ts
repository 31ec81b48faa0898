/** Policies in timm's short form: a name and settings of a few letters and a number, joined by dashes. */

/** A setting's letters: what it means, and what it takes. */
export interface PolicySetting {
  readonly meaning: string;
  /** Undefined when the text is allowed, else what is. */
  readonly check: (text: string) => string | undefined;
}

/** A whole number from `low` to `high`. */
export function wholeNumber(meaning: string, low: number, high: number): PolicySetting {
  const check = (text: string): string | undefined =>
    /^\d+$/.test(text) && Number(text) >= low && Number(text) <= high
      ? undefined
      : low === high
        ? `${low}`
        : `a whole number from ${low} to ${high}`;
  return { meaning, check };
}

/** A number from `low` to `high`, such as 0.5. */
export function decimalNumber(meaning: string, low: number, high: number): PolicySetting {
  const check = (text: string): string | undefined =>
    /^\d+(\.\d+)?$/.test(text) && Number(text) >= low && Number(text) <= high
      ? undefined
      : `a number${high === Number.POSITIVE_INFINITY ? ` of at least ${low}` : ` from ${low} to ${high}`}`;
  return { meaning, check };
}

/** A standard deviation of the level: a number, or inf. */
export const levelDeviation: PolicySetting = {
  meaning: 'standard deviation of the magnitude; above 100 or inf: uniform from 0 to the magnitude',
  check: (text) => (/^(\d+(\.\d+)?|inf)$/.test(text) ? undefined : 'a number such as 0.5, or inf'),
};

/** The value of mstd; timm treats values above 100 as infinity. */
export function deviationOf(value: number | undefined, initial: number): number {
  if (value === undefined) return initial;
  return value > 100 ? Number.POSITIVE_INFINITY : value;
}

/** A configuration that says more than one can read: `message` explains. */
export class PolicyConfigError extends Error {}

/**
 * The settings of `config`, which begins with `name`: letters → number. Throws `PolicyConfigError` that names the
 * section, and what is allowed.
 */
export function parsePolicyConfig<K extends string>(
  config: string,
  name: string,
  settings: Readonly<Record<K, PolicySetting>>,
): Partial<Record<K, number>> {
  const [first, ...sections] = config.split('-');
  if (first !== name)
    throw new PolicyConfigError(`"${config}" does not begin with "${name}", as in "${name}-m9-mstd0.5"`);
  const found: Partial<Record<K, number>> = {};
  for (const section of sections) {
    const [, letters = '', text = ''] = /^([a-z]*?)(\d.*|inf|)$/.exec(section) ?? [];
    if (!Object.hasOwn(settings, letters)) throw new PolicyConfigError(unknownSection(section, config, settings));
    const key = letters as K;
    const allowed = settings[key].check(text);
    if (allowed !== undefined)
      throw new PolicyConfigError(
        `"${section}" in "${config}": ${letters} (${settings[key].meaning}) takes ${allowed}`,
      );
    if (found[key] !== undefined) throw new PolicyConfigError(`"${config}" has ${letters} twice`);
    found[key] = text === 'inf' ? Number.POSITIVE_INFINITY : Number(text);
  }
  return found;
}

function unknownSection(section: string, config: string, settings: Readonly<Record<string, PolicySetting>>): string {
  const known = Object.entries(settings).map(([letters, { meaning }]) => `${letters} (${meaning})`);
  const what = section === '' ? 'has an empty section' : `has "${section}", which is not a setting with a number`;
  return `"${config}" ${what}; known are ${known.join(', ')}`;
}

/** Values as Python prints them, for modules that print as PyTorch's do. */

/** `1e-05`, `0.1`, `(3, 3)`, `True`, `None`, `'same'`. */
export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'number') return numberRepr(value);
  if (Array.isArray(value)) return `(${value.map(pythonRepr).join(', ')}${value.length === 1 ? ',' : ''})`;
  return String(value);
}

/** Python writes an exponent of at least two digits from 1e-05 down, JavaScript one from 1e-7 down. */
function numberRepr(value: number): string {
  if (value === 0 || Math.abs(value) >= 1e-4) return String(value);
  const [digits = '', exponent = ''] = value.toExponential().split('e-');
  return `${digits}e-${exponent.padStart(2, '0')}`;
}

/** `name=value, …` in the given order. */
export function pythonFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${pythonRepr(value)}`)
    .join(', ');
}

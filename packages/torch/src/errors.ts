/** The errors that this package throws, by kind; each has a `code` to tell them apart. */

/** The native bridge is missing or does not load; the message says what to type. */
export class BridgeError extends Error {
  override name = 'BridgeError';
  constructor(
    readonly code: 'BRIDGE_NOT_BUILT' | 'BRIDGE_NOT_LOADED',
    message: string,
  ) {
    super(message);
  }
}

/** An operator does not exist, was called with unfit arguments, or failed. */
export class TorchError extends Error {
  override name = 'TorchError';
  constructor(
    readonly code: 'ARGUMENT' | 'OPERATOR' | 'OUT_OF_MEMORY' | 'NO_SUCH_OPERATOR' | 'DISPOSED' | 'DEVICE' | 'STATE_DICT',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** `got …` for an error message: a short description of any JavaScript value. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  if (Array.isArray(value)) return value.length > 6 ? `an array of ${value.length}` : `[${value.map(describeItem).join(', ')}]`;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object';
}

function describeItem(value: unknown): string {
  return Array.isArray(value) ? 'an array' : describeValue(value);
}

/** The known name nearest to `name`, for "did you mean"; undefined when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

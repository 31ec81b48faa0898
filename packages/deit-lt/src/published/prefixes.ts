/** Prefixes that wrappers put before the names of weights, and tensors that they add. */
import { UserError } from '../errors.js';

/** Prefixes of data parallelism, compilation, weight averaging and training scripts. */
const prefixes = ['module.', '_orig_mod.', 'model.', 'backbone.', 'student.', 'net.', 'network.'];

export interface Unwrapped<T> {
  /** Weights by the network's own names. */
  readonly state: Map<string, T>;
  /** Names in it that lack a prefix which others had (`n_averaged`, `criterion.weight`, or a head outside of `backbone.`). */
  readonly beside: ReadonlySet<string>;
}

/** `state` without prefixes, one after the other, each where it is. Throws UserError CHECKPOINT when two names become one. */
export function withoutPrefixes<T>(state: ReadonlyMap<string, T>, file: string): Unwrapped<T> {
  let entries = [...state].map(([name, value]) => ({ full: name, name, value }));
  const beside = new Set<string>();
  for (let prefix = commonest(entries, beside); prefix !== undefined; prefix = commonest(entries, beside)) {
    const { length } = prefix;
    for (const { full, name } of entries) if (!name.startsWith(prefix)) beside.add(full);
    entries = entries.map((entry) =>
      !beside.has(entry.full) && entry.name.startsWith(prefix) ? { ...entry, name: entry.name.slice(length) } : entry,
    );
  }
  requireDistinct(entries, file);
  const besideNames = entries.flatMap(({ full, name }) => (beside.has(full) ? [name] : []));
  return { state: new Map(entries.map(({ name, value }) => [name, value])), beside: new Set(besideNames) };
}

interface Entry {
  readonly full: string;
  readonly name: string;
}

/** The prefix of most names that had all prefixes so far; undefined when none has one. */
function commonest(entries: readonly Entry[], beside: ReadonlySet<string>): string | undefined {
  const inside = entries.filter(({ full }) => !beside.has(full));
  const counts = prefixes.map((prefix) => inside.filter(({ name }) => name.startsWith(prefix)).length);
  const most = Math.max(...counts);
  return most === 0 ? undefined : prefixes[counts.indexOf(most)];
}

function requireDistinct(entries: readonly Entry[], file: string): void {
  const seen = new Map<string, string>();
  for (const { full, name } of entries) {
    const other = seen.get(name);
    if (other !== undefined)
      throw new UserError(
        'CHECKPOINT',
        `${file} has both ${other} and ${full}; expected the weights of one network. Keep one.`,
      );
    seen.set(name, full);
  }
}

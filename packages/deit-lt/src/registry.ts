/**
 * Entries that a recipe chooses by name: losses, tasks, models. An entry owns its name, its options with their limits
 * and defaults (zod), and its factory; the recipe's schema, `--set`, help and messages are made from the registries.
 */
import type { z } from 'zod';
import { UserError } from './errors.js';
import { suggest } from './nearest.js';

/** The properties of every registry entry. */
export interface RegistryEntry<O extends z.ZodObject = z.ZodObject> {
  /** Name in recipes. */
  readonly name: string;
  /** Its options: each has a default or is optional, and a description. */
  readonly options: O;
}

export type SharedOptions = boolean | 'same schema';

export interface RegistryOptions {
  /** Names that another registry has taken, and that must not come twice. Default: those of this one alone. */
  readonly taken?: Set<string>;
  /**
   * Which options mean the same in several entries, so that they stay when a recipe names another one: those of the same name
   * (true), or those that two entries declare by one schema object (`same schema`). Default false: none.
   */
  readonly sharedOptions?: SharedOptions;
  /** Keys that stand beside the options of every entry, so that no option may have their names. Default none. */
  readonly reserved?: readonly string[];
}

/** `name` is beside all options, and recipes say `replace` and `preset` of any group. */
const alwaysReserved: readonly string[] = ['name', 'replace', 'preset'];

/** The entries of one kind by name. */
export class Registry<E extends RegistryEntry = RegistryEntry> {
  readonly sharedOptions: SharedOptions;
  readonly #entries = new Map<string, E>();
  readonly #taken: Set<string>;
  readonly #reserved: readonly string[];

  /** `what` names the kind in messages: `loss`. */
  constructor(
    readonly what: string,
    { taken = new Set(), sharedOptions = false, reserved = [] }: RegistryOptions = {},
  ) {
    this.#taken = taken;
    this.#reserved = [...alwaysReserved, ...reserved];
    this.sharedOptions = sharedOptions;
  }

  /** The names of all entries, in the order of their registration. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  get(name: string): E | undefined {
    return this.#entries.get(name);
  }

  /** Returns the entry `name`. Throws `UserError` (RECIPE) with the nearest name when there is none. */
  find(name: string): E {
    const entry = this.get(name);
    if (entry !== undefined) return entry;
    throw new UserError('RECIPE', `unknown ${this.what} "${name}"; ${suggest(name, this.names())}`);
  }

  /** Adds an entry. Throws `UserError` (PLUGIN) for a value that is not an entry, and for a name that exists. */
  add(entry: E): void {
    requireEntry(entry, this.what);
    const { name, options } = entry;
    const clash = this.#reserved.find((key) => Object.hasOwn(options.shape, key));
    if (clash !== undefined)
      throw new UserError(
        'PLUGIN',
        `the ${this.what} "${name}" cannot be registered: recipes have "${clash}" beside its options; give the option another name.`,
      );
    if (this.#taken.has(name) || this.#entries.has(name))
      throw new UserError(
        'PLUGIN',
        `${withArticle(this.what)} "${name}" exists already; register yours under another name.`,
      );
    this.#entries.set(name, entry);
    this.#taken.add(name);
    countRegistration();
  }
}

const withArticle = (what: string): string => `${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`;

let registrations = 0;

/** Notes that an entry was registered. */
export function countRegistration(): void {
  registrations++;
}

/** How many entries all registries were given so far: whether a module registered something. */
export function registrationCount(): number {
  return registrations;
}

/** Throws `UserError` (PLUGIN) that says which field is missing or wrong; for entries from JavaScript. */
function requireEntry(entry: unknown, what: string): void {
  const wrong = (field: string, expected: string): UserError =>
    new UserError('PLUGIN', `${withArticle(what)} cannot be registered: ${field} must be ${expected}.`);
  const given = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>;
  const { name, options, create } = given;
  if (typeof name !== 'string' || !/^[\w-]+$/.test(name)) throw wrong('name', 'a text of letters, digits, _ and -');
  const isSchema = typeof options === 'object' && options !== null && 'safeParse' in options && 'shape' in options;
  if (!isSchema) throw wrong(`options of "${name}"`, 'a zod object, such as z.object({})');
  if (typeof create !== 'function') throw wrong(`create of "${name}"`, 'a function');
}

/**
 * A value of a recipe that chooses an entry of a registry: `{ name, …options }`, or only the name. Its schema is looked
 * up when a recipe is read, so that entries may be registered until then.
 */
import { z } from 'zod';
import { nearest, suggest } from '../nearest.js';
import type { Registry, RegistryEntry } from '../registry.js';
import { beginning } from '../text/visible.js';

/** A name and the options of its entry, complete. */
export interface Choice {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** The registries that a value chooses from. */
export interface Choices {
  readonly registries: readonly Registry[];
  /** Why an entry cannot be chosen here; undefined when it can. */
  readonly refuses?: (entry: RegistryEntry) => string | undefined;
  /** Keys that stand beside the options of every entry, before and after them; they stay when another one is named. */
  readonly common?: { readonly before: z.ZodRawShape; readonly after: z.ZodRawShape };
}

const choicesOf = new WeakMap<z.ZodType, Choices>();

/**
 * Returns the schema of a choice: it takes a name or `{ name, …options }`, and gives the options with their defaults.
 */
export function choiceSchema<C extends Choice = Choice>(
  choices: Choices,
  description: string,
): z.ZodType<C, C | string> {
  const read = z.preprocess((value, context) => resolve(value, choices, context), z.unknown());
  const schema = read.describe(description); // a copy, which has to be the one that is remembered
  choicesOf.set(schema, choices);
  return schema as unknown as z.ZodType<C, C | string>;
}

/** Returns the registries that `schema` chooses from; undefined for a schema that is not a choice. */
export function choicesIn(schema: z.ZodType): Choices | undefined {
  return choicesOf.get(schema);
}

/** The entry `name` of `choices`, and its registry. */
export function chosenEntry(
  { registries }: Choices,
  name: string,
): { readonly entry: RegistryEntry; readonly registry: Registry } | undefined {
  for (const registry of registries) {
    const entry = registry.get(name);
    if (entry !== undefined) return { entry, registry };
  }
  return undefined;
}

/** The names that can be chosen. */
export function choiceNames({ registries, refuses }: Choices): string[] {
  return registries.flatMap((registry) =>
    registry.names().filter((name) => refuses?.(registry.get(name)!) === undefined),
  );
}

/**
 * Fields of a choice for `--set` and for the lists of keys: the name, and the options of all entries that can be
 * chosen.
 */
export function choiceShape(choices: Choices): Record<string, z.ZodType> {
  const names = choiceNames(choices);
  const { before, after } = commonOf(choices);
  const shape = { name: z.string().describe(`name of the ${kindsOf(choices)}`), ...before } as Record<
    string,
    z.ZodType
  >;
  for (const name of names)
    for (const [option, schema] of Object.entries(chosenEntry(choices, name)!.entry.options.shape))
      shape[option] ??= schema as z.ZodType;
  return { ...shape, ...(after as Record<string, z.ZodType>) };
}

/** The keys that stand beside the options of every entry. */
export function commonOf({ common = { before: {}, after: {} } }: Choices): NonNullable<Choices['common']> {
  return common;
}

const kindsOf = ({ registries }: Choices): string => registries.map(({ what }) => what).join(' or ');

function resolve(value: unknown, choices: Choices, context: z.RefinementCtx): unknown {
  const fail = (message: string, path: readonly PropertyKey[] = []): never => {
    context.issues.push({ code: 'custom', message, path: [...path], input: value });
    return z.NEVER;
  };
  const given = typeof value === 'string' ? { name: value } : value;
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return fail(`expected a name (${choiceNames(choices).join(', ')}) or a name with its options`);
  const { name, ...options } = given as Record<string, unknown>;
  const at = typeof value === 'string' ? [] : ['name'];
  const found = typeof name === 'string' ? chosenEntry(choices, name) : undefined;
  if (found === undefined) return fail(unknownName(name, choices), at);
  const { entry, registry } = found;
  const refused = choices.refuses?.(entry);
  if (refused !== undefined) return fail(refused, at);
  const { before, after } = commonOf(choices);
  const known = Object.keys({ ...before, ...entry.options.shape, ...after });
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  for (const key of unknown) fail(unknownOption(registry.what, entry.name, key, known), [key]);
  if (unknown.length > 0) return z.NEVER;
  const own = Object.fromEntries(Object.entries(options).filter(([key]) => key in entry.options.shape));
  const results = [
    z.object(before).safeParse(options),
    entry.options.safeParse(own),
    z.object(after).safeParse(options),
  ];
  for (const { error } of results)
    for (const issue of error?.issues ?? []) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
  if (results.some(({ success }) => !success)) return z.NEVER;
  return Object.assign({ name }, ...results.map(({ data }) => data)) as Choice;
}

function unknownName(name: unknown, choices: Choices): string {
  const names = choiceNames(choices);
  const near = typeof name === 'string' ? nearest(name, names) : undefined;
  if (near !== undefined) return `no ${kindsOf(choices)} has this name (did you mean "${near}"?)`;
  return `expected one of ${names.join(', ')}, or one that a module of --plugin registers`;
}

/** Returns the message for an option that the entry does not have. */
export function unknownOption(what: string, name: string, option: string, known: readonly string[]): string {
  const has = known.length === 0 ? 'it has no options' : suggest(beginning(option, 100), known);
  return `the ${what} "${name}" has no option "${option}": ${has}`;
}

/** YAML of recipes and of `--set` as plain values, without what YAML can say beyond them. */
import { parseDocument } from 'yaml';

/**
 * The values of `text`. Throws Error with the reason, and the place as further lines, for what is not YAML, and for values that are no tree: an alias
 * (`*name`) of what it is in, or aliases that repeat each other until they fill the memory.
 */
export function yamlValues(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'error' });
  const [error] = document.errors;
  if (error !== undefined) throw error;
  try {
    const values: unknown = document.toJS();
    JSON.stringify(values); // what is within itself has no end
    return values;
  } catch (cause) {
    throw new Error(`an alias (*name) of it cannot be resolved: ${(cause as Error).message.split('\n')[0]}`, { cause });
  }
}

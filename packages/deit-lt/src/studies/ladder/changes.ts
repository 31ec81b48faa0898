/** The changes of a ladder, as a YAML file has them: a list of `{ name, set }`, where `set` is like `--set`. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { UserError } from '../../errors.js';
import { yamlValues } from '../../recipe/yaml-values.js';

/** One rung: what it is called, and the settings that it adds to those of the rungs below it. */
export interface Change {
  readonly name: string;
  readonly set: readonly string[];
}

const schema = z
  .array(z.strictObject({ name: z.string().min(1), set: z.array(z.string()).min(1) }))
  .min(1)
  .max(100);

const example = '- name: less mixing\n  set: [student.mixing.probability=0.1]';

/** Reads the file. Throws UserError RECIPE that names the file and the entry, with an example. */
export function readChanges(file: string): Change[] {
  const result = schema.safeParse(valuesOf(file));
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue!.path.length === 0 ? '' : ` (entry ${issue!.path.join('.')})`;
    throw wrong(`${file}${place}: ${issue!.message}`);
  }
  const names = result.data.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw wrong(`${file}: two changes are called "${twice}"`);
  return result.data;
}

function valuesOf(file: string): unknown {
  try {
    return yamlValues(readFileSync(file, 'utf8'));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'there is no such file' : (cause as Error).message.split('\n')[0];
    throw new UserError('RECIPE', `--changes ${file} cannot be read: ${what}.`, { cause });
  }
}

function wrong(what: string): UserError {
  const lines = ['Expected a list of changes, each with a name and its settings:', ...example.split('\n')];
  return new UserError('RECIPE', `--changes ${what}.`, { lines });
}

/**
 * All exporters by the names of their formats. A new one is a file that declares its entry, a line here, and its name in
 * `formats.ts`.
 */
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { Registry } from '../registry.js';
import { huggingFaceEntry, onnxEntry } from './export.js';
import { type Exporter, type ExporterEntry, exporterEntry } from './exporter-entry.js';
import { safetensorsEntry, torchEntry } from './weights.js';

export const exporterRegistry = new Registry<ExporterEntry>('exporter', { reserved: ['format'] });

for (const entry of [safetensorsEntry, onnxEntry, torchEntry, huggingFaceEntry]) exporterRegistry.add(entry);

/**
 * Adds an exporter, so that `export --format` and `exportModel` can name it. Throws `UserError` (PLUGIN) for an entry that lacks
 * something, and for a name that is taken.
 */
export function registerExporter<O extends z.ZodObject>(entry: ExporterEntry<O>): void {
  const { name, ending } = entry;
  if (ending !== undefined && !/^\.\w+$/.test(ending))
    throw new UserError(
      'PLUGIN',
      `an exporter cannot be registered: ending of "${name}" must be the ending of a file, such as ".onnx".`,
    );
  exporterRegistry.add(exporterEntry(entry));
}

/** Returns the names of the formats whose exporter has the option `option`. */
export function formatsWith(option: string): string[] {
  return exporterRegistry.names().filter((name) => option in exporterRegistry.find(name).options.shape);
}

/** Returns the entry of `format`. Throws UserError USAGE with the nearest name when there is none. */
export function exporterNamed(format: string): ExporterEntry {
  const entry = exporterRegistry.get(format);
  if (entry !== undefined) return entry;
  throw new UserError('USAGE', `no export format is called "${format}"; ${suggest(format, exporterRegistry.names())}`);
}

/** Returns the function that writes `format` with `options`. Throws UserError USAGE for an unknown option or a wrong value. */
export function createExporter(format: string, options: Readonly<Record<string, unknown>>): Exporter {
  const entry = exporterNamed(format);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const known = Object.keys(entry.options.shape);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) throw unknownOption(format, unknown, known);
  const { success, data, error } = entry.options.safeParse(given);
  if (success) return entry.create(data);
  const [issue] = error.issues;
  throw new UserError('USAGE', `the export format "${format}": ${issue?.path.join('.')}: ${issue?.message}.`);
}

function unknownOption(format: string, option: string, known: readonly string[]): UserError {
  const has = known.length === 0 ? 'it has no options' : suggest(option, known);
  return new UserError('USAGE', `the export format "${format}" has no option "${option}": ${has}`);
}

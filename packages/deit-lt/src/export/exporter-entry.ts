/** An entry of the registry of exporters: the name of its format, its options, and how it writes a model. */
import type { z } from 'zod';
import type { Classifier } from '../classifier/classifier.js';
import type { RegistryEntry } from '../registry.js';

/** Lines for the user, such as how near the written model is to the original. */
export type ExportNotes = readonly string[] | undefined;

/** Writes `model` to the file or folder `out`, whose folder exists. */
// biome-ignore lint/suspicious/noConfusingVoidType: most exporters return nothing
export type Exporter = (model: Classifier, out: string) => Promise<ExportNotes | void> | ExportNotes | void;

/** One entry of the registry of exporters; `export --format` names it. */
export interface ExporterEntry<O extends z.ZodObject = z.ZodObject> extends RegistryEntry<O> {
  /** Ending of the file that it writes, such as `.onnx`. Default: it writes a folder, which is new or empty before. */
  readonly ending?: string;
  /** Returns the function that writes a model. */
  create(options: z.output<O>): Exporter;
}

/** `entry` with the types of its own options checked. */
export function exporterEntry<O extends z.ZodObject>(entry: ExporterEntry<O>): ExporterEntry {
  return entry as unknown as ExporterEntry;
}

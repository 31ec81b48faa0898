/** Writes a trained model in a format of the registry: what `deit-lt export` does. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Classifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { makeFolder } from '../make-folder.js';
import { writeError } from '../runs/files.js';
import { makeOutFolder } from './export.js';
import type { Exporter } from './exporter-entry.js';
import { createExporter, exporterNamed } from './registry.js';
import { requireEnding } from './weights.js';

export interface ExportOptions {
  /** Name of an exporter: `safetensors`, `onnx`, `torch`, `huggingface`, or one of `registerExporter`. */
  readonly format: string;
  /** Options of the exporter, such as `precision: 'int8'` of `onnx`. */
  readonly [option: string]: unknown;
}

export interface ExportResult {
  /** The file or folder that was written. */
  readonly out: string;
  /** Lines for the user, such as how near an ONNX model is to the original. */
  readonly notes: readonly string[];
}

/**
 * Writes `model`, of `openClassifier`, to the file or folder `out`. Folders on the way are made; a folder that is written must be new or
 * empty. Throws UserError USAGE for an unknown format, option or ending of the file, RUN_FOLDER when `out` cannot be written, CHECKPOINT
 * when an ONNX model differs from the original (nothing is written then), and PLUGIN for an exporter of a plugin that writes nothing.
 */
export async function exportModel(model: Classifier, out: string, options: ExportOptions): Promise<ExportResult> {
  return await preparedExport(out, options)(model);
}

/** Checks everything that needs no model, and returns the function that writes it. Throws UserError USAGE. */
export function preparedExport(
  out: string,
  { format, ...options }: ExportOptions,
): (model: Classifier) => Promise<ExportResult> {
  const { ending } = exporterNamed(format);
  const write: Exporter = createExporter(format, options);
  if (ending !== undefined) requireEnding(out, ending);
  return async (model) => {
    if (ending === undefined) makeOutFolder(out);
    else makeFolderOf(out);
    const notes = await write(model, out);
    if (!existsSync(out))
      throw new UserError('PLUGIN', `the exporter "${format}" cannot be used: it did not write ${out}.`);
    return { out, notes: notes ?? [] };
  };
}

function makeFolderOf(file: string): void {
  try {
    makeFolder(path.dirname(path.resolve(file)));
  } catch (error) {
    throw writeError(file, error);
  }
}

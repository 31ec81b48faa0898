/** Writes a trained model in another program's format, checked by that program's runtime where it can be. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Classifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { makeFolder } from '../make-folder.js';
import { loadRuntime } from '../onnx/runtime.js';
import { writeError, writeFileAtomic } from '../runs/files.js';
import { RunFolder, readRunConfig } from '../runs/run-folder.js';
import { projectVersion } from '../version.js';
import { exporterEntry } from './exporter-entry.js';
import { huggingFaceFiles, modelConfig, preprocessorConfig } from './hugging-face.js';
import { type CardFacts, modelCard } from './model-card.js';
import { checkOnnx, type OnnxCheck } from './onnx/check.js';
import { checkLine } from './onnx/check-line.js';
import type { OnnxPrecision } from './onnx/graph-builder.js';
import { inputSize, onnxModel } from './onnx/model.js';
import { timmCodeOf } from './timm-code.js';
import { exportSafetensors } from './weights.js';

export interface OnnxExport {
  readonly precision: OnnxPrecision;
  /** Transformers: whether there is an output `attentions`. Default false. */
  readonly attention?: boolean;
  /** Version of the program that the file names. Default: this one. */
  readonly version?: string;
}

/**
 * The model's bytes, and how near it is to the original; undefined when onnxruntime-node is not installed. Throws UserError
 * CHECKPOINT when it is not near.
 */
export async function checkedOnnx(
  classifier: Classifier,
  options: OnnxExport,
): Promise<{ bytes: Uint8Array; check: OnnxCheck | undefined }> {
  const bytes = onnxModel(classifier, { ...options, version: options.version ?? projectVersion() });
  const runtime = await loadRuntime();
  return { bytes, check: runtime && (await checkOnnx(runtime, bytes, classifier, options.precision)) };
}

/** Writes `file` and says how near it is, as `checkedOnnx`; writes nothing when it is not. */
export async function exportOnnx(
  file: string,
  classifier: Classifier,
  options: OnnxExport,
): Promise<OnnxCheck | undefined> {
  const { bytes, check } = await checkedOnnx(classifier, options);
  writeFileAtomic(file, bytes);
  return check;
}

/** Writes the folder `folder`, which must be new or empty. Throws as `exportOnnx`, and UserError RUN_FOLDER. */
export async function exportHuggingFace(
  folder: string,
  classifier: Classifier,
  { version = projectVersion() }: Pick<OnnxExport, 'version'> = {},
): Promise<ReadonlyMap<OnnxPrecision, OnnxCheck | undefined>> {
  makeOutFolder(path.join(folder, 'onnx'), folder);
  const place = (name: string): string => path.join(folder, name);
  const checks = new Map<OnnxPrecision, OnnxCheck | undefined>();
  for (const precision of ['fp32', 'fp16', 'int8'] as const)
    checks.set(
      precision,
      await exportOnnx(place(huggingFaceFiles.onnx[precision]), classifier, { precision, version }),
    );
  exportSafetensors(place(huggingFaceFiles.weights), classifier, { imageSize: inputSize(classifier) });
  const json = (name: string, value: object): void =>
    writeFileAtomic(place(name), `${JSON.stringify(value, null, 2)}\n`);
  json(huggingFaceFiles.config, modelConfig(classifier));
  json(huggingFaceFiles.preprocessor, preprocessorConfig(classifier));
  const timm = timmCodeOf(classifier.model);
  if (timm !== null) writeFileAtomic(place(`${timm.architecture}.py`), timm.code);
  const card = { classifier, checks, ...runFacts(classifier.file) };
  writeFileAtomic(place(huggingFaceFiles.card), modelCard(card));
  return checks;
}

/** Makes `folder`; `empty`, itself or one that it is in, must be new or empty. Throws UserError RUN_FOLDER. */
export function makeOutFolder(folder: string, empty = folder): void {
  if (existsSync(empty) && !statSync(empty).isDirectory())
    throw new UserError('RUN_FOLDER', `${empty} is a file. Choose another folder with --out.`);
  if (existsSync(empty) && readdirSync(empty).length > 0)
    throw new UserError('RUN_FOLDER', `${empty} is not empty. Choose another folder with --out.`);
  try {
    makeFolder(folder);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/**
 * Returns the evaluation of the best checkpoint of a run; undefined for the last one, and for a file outside of a run.
 */
function runFacts(checkpoint: string): Pick<CardFacts, 'dataName' | 'evaluation' | 'from'> {
  const run = new RunFolder(path.dirname(path.dirname(checkpoint)));
  const isRun = existsSync(run.configFile) && /^(best|last)\.safetensors$/.test(path.basename(checkpoint));
  if (!isRun) return { dataName: 'data that the checkpoint does not name', evaluation: undefined };
  const { data, from } = readRunConfig(run.folder);
  const isBest = path.basename(checkpoint) === 'best.safetensors';
  // Only the name: readers of the card do not have the folders of this machine.
  return {
    dataName: path.basename(data.name),
    evaluation: isBest ? run.readEvaluation() : undefined,
    ...(from && { from }),
  };
}

/** The registry's entry of `exportOnnx`. */
export const onnxEntry = exporterEntry({
  name: 'onnx',
  ending: '.onnx',
  options: z.object({
    precision: z
      .enum(['fp32', 'fp16', 'int8'])
      .default('fp32')
      .describe('of the weights; int8 quantises activations too'),
    attention: z.boolean().default(false).describe('adds an output with the attention weights of every block and head'),
  }),
  create: (options) => async (model, file) => [checkLine(options.precision, await exportOnnx(file, model, options))],
});

/** The registry's entry of `exportHuggingFace`. */
export const huggingFaceEntry = exporterEntry({
  name: 'huggingface',
  options: z.object({}),
  create: () => async (model, folder) =>
    [...(await exportHuggingFace(folder, model))].map(([precision, check]) => checkLine(precision, check)),
});

/** `deit-lt export`: a trained model in the formats of PyTorch, ONNX, and the Hugging Face Hub. */
import path from 'node:path';
import type { Classifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { exportHuggingFace, exportOnnx } from '../export/export.js';
import type { OnnxCheck } from '../export/onnx/check.js';
import type { OnnxPrecision } from '../export/onnx/graph-builder.js';
import { exportSafetensors, exportTorch, requireEnding } from '../export/weights.js';
import { makeFolder } from '../make-folder.js';
import { writeError } from '../runs/files.js';
import { visible } from '../text/visible.js';
import { ruleWords } from './adaptation-text.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import { checkLine } from './onnx-check-line.js';
import { openModelForOthers } from './open-model.js';
import { projectVersion } from './version.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const { format, precision, attention = false } = options;
  const kind = required(format, '--format is missing: safetensors, onnx, torch or huggingface');
  const out = required(options.out, '--out is missing: the file or folder to write');
  if (kind !== 'onnx' && (precision !== undefined || attention))
    throw new UserError('USAGE', '--precision and --attention need --format onnx.');
  const file = kind === 'huggingface' ? out : fileFor(out, kind);
  using model = await openModelForOthers(args[0]!, options);
  for (const note of exportNotes(model, kind)) context.note(note);
  const version = projectVersion();
  if (kind === 'safetensors') exportSafetensors(file, model);
  else if (kind === 'torch') exportTorch(file, model);
  else if (kind === 'onnx') {
    const chosen = (precision ?? 'fp32') as OnnxPrecision; // the command's own choices
    tell(context, new Map([[chosen, await exportOnnx(file, model, { precision: chosen, attention, version })]]));
  } else tell(context, await exportHuggingFace(file, model, { version }));
  context.print(visible(`${model.file} → ${out}`));
}

/** Says which part of the export has the adaptation of the model. */
function exportNotes({ adaptation }: Classifier, kind: string): string[] {
  if (adaptation === undefined) return [];
  const words = ruleWords(adaptation);
  if (kind === 'safetensors' || kind === 'torch')
    return [`The file has the weights alone, without the adaptation of the model (${words}).`];
  const rules =
    adaptation.unknown || adaptation.conformal
      ? '; thresholds and sets are in its metadata, for the reader to apply'
      : '';
  return [
    `The logits of the ONNX ${kind === 'onnx' ? 'model' : 'models'} are adapted (${words})${rules}; --no-adaptation leaves it out.`,
  ];
}

const endings: Readonly<Record<string, string>> = { safetensors: '.safetensors', onnx: '.onnx', torch: '.pth' };

/** The file, whose folder is made. */
function fileFor(out: string, kind: string): string {
  const file = requireEnding(out, endings[kind]!);
  try {
    makeFolder(path.dirname(path.resolve(file)));
  } catch (error) {
    throw writeError(file, error);
  }
  return file;
}

function tell({ note }: CliContext, checks: ReadonlyMap<OnnxPrecision, OnnxCheck | undefined>): void {
  for (const [precision, check] of checks) note(checkLine(precision, check));
}

/** `deit-lt export`: a trained model in the formats of PyTorch, ONNX, the Hugging Face Hub, and those of plugins. */
import type { Classifier } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { preparedExport } from '../export/export-model.js';
import { exporterNamed, exporterRegistry, formatsWith } from '../export/registry.js';
import { yamlValues } from '../recipe/yaml-values.js';
import { visible } from '../text/visible.js';
import { ruleWords } from './adaptation-text.js';
import { required } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import { openModelForOthers } from './open-model.js';
import type { Options } from './option-table.js';
import { weightsLines } from './weights-line.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const format = required(options.format, `--format is missing: ${exporterRegistry.names().join(', ')}`);
  const out = required(options.out, '--out is missing: the file or folder to write');
  const write = preparedExport(out, { ...formatOptions(format, options), format });
  using model = await openModelForOthers(args[0]!, options);
  for (const note of [...weightsLines(model, options), ...adaptationNotes(model, format)]) context.note(note);
  const { notes } = await write(model);
  if (notes.length > 0) context.note(...notes);
  context.print(visible(`${model.file} → ${out}`));
}

/** Says which part of the export has the adaptation of the model. */
function adaptationNotes({ adaptation }: Classifier, format: string): string[] {
  if (adaptation === undefined) return [];
  const words = ruleWords(adaptation);
  if (format === 'safetensors' || format === 'torch')
    return [`The file has the weights alone, without the adaptation of the model (${words}).`];
  if (format !== 'onnx' && format !== 'huggingface')
    return [`The model is adapted (${words}); the exporter of "${format}" decides what it writes of that.`];
  const rules =
    adaptation.unknown || adaptation.conformal
      ? '; thresholds and limits of sets are in the metadata, for the reader to apply'
      : '';
  return [
    `The logits of the ONNX ${format === 'onnx' ? 'model' : 'models'} are adapted (${words})${rules}; --no-adaptation leaves the adaptation out.`,
  ];
}

/** Options of the format: `--precision` and `--attention` are those of the formats that have them, `--option` sets any. */
function formatOptions(format: string, { precision, attention, option = [] }: Options): Record<string, unknown> {
  const { shape } = exporterNamed(format).options;
  const short = Object.entries({ precision, attention }).filter(([, value]) => value !== undefined);
  if (short.some(([name]) => !(name in shape))) {
    const formats = exporterRegistry.names().filter((name) => short.every(([key]) => formatsWith(key).includes(name)));
    throw new UserError('USAGE', `--precision and --attention need --format ${formats.join(' or ')}.`);
  }
  const more = option.map(keyAndValue);
  const both = more.find(([key]) => short.some(([name]) => name === key));
  if (both !== undefined)
    throw new UserError('USAGE', `--${both[0]} and --option ${both[0]}=… exclude each other: give one of them.`);
  return { ...Object.fromEntries(short), ...Object.fromEntries(more) };
}

function keyAndValue(text: string): [string, unknown] {
  const [, key, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new UserError('USAGE', `--option ${text}: expected key=value, for example --option precision=int8.`);
  try {
    return [key.trim(), yamlValues(value)];
  } catch (cause) {
    const [why] = (cause as Error).message.split('\n');
    throw new UserError('USAGE', `--option ${text}: the value cannot be read: ${why}`, { cause });
  }
}

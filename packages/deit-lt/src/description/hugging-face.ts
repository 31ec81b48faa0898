/**
 * Reads the description of a model in a Hugging Face folder: `config.json` with our description, or with timm's keys
 * alone, and `preprocessor_config.json`. https://huggingface.co/docs/timm/hf_hub
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { resizedSide } from '../augment/evaluation-input.js';
import { UserError } from '../errors.js';
import { isValues, type Values } from '../recipe/merge.js';
import { descriptionKey, namesIn } from './formats.js';
import { headsOf } from './heads.js';
import { type ModelDescription, type ModelFacts, parseDescription } from './model-description.js';

/** Names that the weights have in such a folder. */
export const weightsNames = ['model.safetensors', 'pytorch_model.bin'] as const;

/** The weights of a Hugging Face folder; undefined when `folder` is none. */
export function weightsIn(folder: string): string | undefined {
  return weightsNames.map((name) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Our entry of `config.json`. */
export function toHuggingFace(description: ModelDescription): Record<string, unknown> {
  return { [descriptionKey]: description };
}

/**
 * Reads the facts from the `config.json` beside `file`; none when there is no such file, or `file` is not named as such
 * a folder's weights. Throws UserError CHECKPOINT for a `config.json` that is damaged or contradicts itself.
 */
export function fromHuggingFace(file: string): ModelFacts {
  const folder = path.dirname(file);
  const config = path.join(folder, 'config.json');
  if (!(weightsNames as readonly string[]).includes(path.basename(file)) || !existsSync(config)) return {};
  const values = valuesIn(config);
  const facts = factsIn(values, preprocessorIn(folder));
  const entry = values[descriptionKey];
  if (entry === undefined) return facts;
  const description = parseDescription(entry, config);
  requireAgreement(description, facts, config);
  return { description };
}

function preprocessorIn(folder: string): Values {
  const file = path.join(folder, 'preprocessor_config.json');
  return existsSync(file) ? valuesIn(file) : {};
}

/** Throws UserError CHECKPOINT for what is no JSON object. */
function valuesIn(file: string): Values {
  try {
    const values: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isValues(values)) return values;
    throw new Error('it is not a JSON object');
  } catch (error) {
    throw new UserError('CHECKPOINT', `${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

const channel = z.number();
const positive = z.number().positive();
const seen = {
  mean: z.tuple([channel, channel, channel]),
  std: z.tuple([positive, positive, positive]),
  filter: z.enum(['nearest', 'bilinear', 'bicubic']),
  side: z.int().positive().max(4096),
};

/** Returns the value if it fits `schema`, else undefined: other programs use the same names for other values. */
function fitting<T>(schema: z.ZodType<T>, ...values: readonly unknown[]): T | undefined {
  return values.map((value) => schema.safeParse(value)).find((result) => result.success)?.data;
}

function factsIn(config: Values, preprocessor: Values): ModelFacts {
  const given = isValues(config.pretrained_cfg) ? config.pretrained_cfg : {};
  const mean = fitting(seen.mean, given.mean, preprocessor.image_mean);
  const std = fitting(seen.std, given.std, preprocessor.image_std);
  const filter = fitting(seen.filter, given.interpolation, filters[String(preprocessor.resample)]);
  const inputSize = fitting(seen.side, Array.isArray(given.input_size) ? given.input_size[1] : undefined);
  const classNames = namesIn(given.label_names) ?? namesIn(config.label_names) ?? labelsIn(config.id2label);
  const numHeads = headsIn(config);
  return {
    ...(mean && { mean }),
    ...(std && { std }),
    ...(filter && { filter }),
    ...(inputSize && { inputSize }),
    ...(classNames && { classNames }),
    ...(numHeads && { numHeads }),
    notes: [...cropNotes(given, inputSize), ...(filter === undefined ? filterNotes(given) : [])],
  };
}

/** `{"0": "cat", …}`; LABEL_0 and similar ones do not count as names. */
function labelsIn(labels: unknown): readonly string[] | undefined {
  if (!isValues(labels)) return undefined;
  const names = Array.from({ length: Object.keys(labels).length }, (_, c) => labels[c]);
  return names.every((name, c) => name === `LABEL_${c}`) ? undefined : namesIn(names);
}

function headsIn({ model_args: args, architecture }: Values): number | undefined {
  const said = isValues(args) ? fitting(z.int().positive(), args.num_heads) : undefined;
  return said ?? (typeof architecture === 'string' ? headsOf(architecture) : undefined);
}

/** The crop here is that of the published evaluation, whatever timm's configuration says. */
function cropNotes({ crop_pct: share }: Values, size: number | undefined): string[] {
  if (typeof share !== 'number' || size === undefined) return [];
  const resized = resizedSide(size) ?? size;
  if (Math.floor(size / share) === resized) return [];
  return [
    `config.json has crop_pct ${share}; here the shorter side is resized to ${resized} and ${size} × ${size} are cropped from the middle.`,
  ];
}

/** Pillow's numbers; the others are not among ours. */
const filters: Readonly<Record<string, string>> = { 0: 'nearest', 2: 'bilinear', 3: 'bicubic' };

function filterNotes({ interpolation }: Values): string[] {
  if (typeof interpolation !== 'string') return [];
  return [
    `config.json has interpolation ${JSON.stringify(interpolation)}; here images are resized by the bicubic filter.`,
  ];
}

/** Someone may have changed one of two places that say the same. Throws UserError CHECKPOINT. */
function requireAgreement(description: ModelDescription, facts: ModelFacts, config: string): void {
  const { classNames, mean, std, filter } = facts;
  const others = { classNames, mean, std, filter };
  for (const [key, other] of Object.entries(others)) {
    const own = description[key as keyof typeof others];
    if (other === undefined || JSON.stringify(own) === JSON.stringify(other)) continue;
    throw new UserError(
      'CHECKPOINT',
      `${config} contradicts itself: deit_lt.${key} is ${short(own)}, but its other keys (or preprocessor_config.json) have ${short(other)}. Make them equal.`,
    );
  }
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}

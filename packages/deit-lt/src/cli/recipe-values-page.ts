/** Makes `docs/recipe-values.md` from the registries and the recipe's schema: every value, its default and its limits. */
import { z } from 'zod';
import { augmentations } from '../augment/registry.js';
import { samplerRegistry } from '../data/samplers/registry.js';
import { exporterRegistry } from '../export/registry.js';
import { lossRegistry } from '../losses/registry.js';
import { optimizerKeys } from '../optim/optimizer-entry.js';
import { optimizerRegistry } from '../optim/registry.js';
import { scheduleKeys } from '../optim/schedule-config.js';
import { scheduleRegistry } from '../optim/schedule-registry.js';
import { recipeKeys, schemaAt } from '../recipe/keys.js';
import { taskRegistry } from '../tasks/registry.js';

const preface = `# Recipe values

<!-- Made from packages/deit-lt/src by packages/deit-lt/scripts/recipe-values-page.mjs; do not edit. -->

The values of [default.yaml](../packages/deit-lt/recipes/default.yaml) have their reasons beside them; \`deit-lt recipes show NAME\` prints all values of a recipe. \`–\`
in the column *default*: without a value, the option is off or the entry chooses. [Modules of your own](plugins.md) add further entries.`;

interface Entry {
  readonly name: string;
  readonly options: z.ZodObject;
}

/** Returns the page. */
export function recipeValuesPage(): string {
  const augmentation = Object.entries(augmentations).map(([name, { options }]) => ({ name, options }));
  const optimizer = z.object({ ...optimizerKeys.before, ...optimizerKeys.after });
  const schedule = z.object({ ...scheduleKeys.before, ...scheduleKeys.after });
  return [
    preface,
    section('Losses: `teacher.loss`, `student.clsLoss`', registered(lossRegistry)),
    section('Tasks: `teacher.loss`', registered(taskRegistry)),
    section('Optimizers: `optimizer`', [
      ...registered(optimizerRegistry),
      { name: 'every optimizer', options: optimizer },
    ]),
    section('Schedules: `schedule`', [...registered(scheduleRegistry), { name: 'every schedule', options: schedule }]),
    section('Samplers: `sampler`', registered(samplerRegistry)),
    section('Augmentations: `augment`', augmentation),
    section('Export formats: `deit-lt export --format`', registered(exporterRegistry)),
    otherKeys(),
    '',
  ].join('\n\n');
}

function registered(registry: { names(): string[]; find(name: string): Entry }): Entry[] {
  return registry.names().map((name) => registry.find(name));
}

function section(title: string, entries: readonly Entry[]): string {
  const rows = entries.flatMap(({ name, options }) => {
    const shape = Object.entries(options.shape as Record<string, z.ZodType>);
    const first = name.includes(' ') ? name : `\`${name}\``;
    if (shape.length === 0) return [`| ${first} | | | | no options |`];
    return shape.map(([key, schema], i) => `| ${i === 0 ? first : ''} | ${optionCells(key, schema)} |`);
  });
  return [
    `## ${title}`,
    '',
    '| name | option | default | allowed | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function optionCells(key: string, schema: z.ZodType): string {
  const { success, data } = schema.safeParse(undefined);
  const byDefault = success && data !== undefined ? `\`${JSON.stringify(data)}\`` : '–';
  return [`\`${key}\``, byDefault, allowed(schema), cell(schema.description ?? '')].join(' | ');
}

/** The values of the teacher and the student that no registry has; both have most of them. */
function otherKeys(): string {
  const chosen = /\.(loss|clsLoss|model|optimizer|schedule|sampler|augment|keyAugment|teacherAugment)(\.|$)/;
  const keys = recipeKeys().filter((key) => !chosen.test(key));
  const rows = keys.map((key) => {
    const { schema, description } = schemaAt(key.split('.'))!;
    return `| \`${key}\` | ${allowed(schema)} | ${cell(description ?? '')} |`;
  });
  return ['## All other values', '', '| key | allowed | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

function allowed(schema: z.ZodType): string {
  return cell(words(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema));
}

function words(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(words).filter(Boolean).join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.prefixItems !== undefined) return `[${schema.prefixItems.map(words).join(', ')}]`;
  if (schema.type === 'array') return `list of ${words(schema.items ?? {}) || 'values'}`;
  if (schema.type === 'number' || schema.type === 'integer') return numberWords(schema);
  return { boolean: 'true or false', string: 'text', null: 'null', object: 'a group' }[String(schema.type)] ?? '';
}

function numberWords({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const limit = (sign: string, value: number | undefined): string[] =>
    value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? [] : [`${sign} ${value}`];
  const limits = [
    ...limit('≥', minimum),
    ...limit('>', exclusiveMinimum),
    ...limit('≤', maximum),
    ...limit('<', exclusiveMaximum),
  ];
  const kind = type === 'integer' ? 'whole number' : 'number';
  return limits.length === 0 ? kind : `${kind} ${limits.join(' and ')}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

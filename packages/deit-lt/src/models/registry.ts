/** All networks by name. A new one is a file that declares its entry, and a line here. */
import * as torch from '@deit-lt/torch';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { Registry } from '../registry.js';
import { airbenchModels } from './airbench.js';
import { vitModels } from './deit.js';
import type { CommonModelOptions, ImageModel, ModelEntry, ModelOptions } from './model.js';
import { regnetModels } from './regnet.js';
import { resnetModels } from './resnet.js';
import { resnetCifarModels } from './resnet-cifar.js';

export const modelRegistry = new Registry<ModelEntry>('model', { sharedOptions: true });

for (const family of [vitModels, resnetCifarModels, resnetModels, regnetModels, airbenchModels])
  for (const [name, entry] of Object.entries(family)) modelRegistry.add({ name, ...entry });

/** Options of every model, beside its own. */
const common: readonly string[] = ['numClasses', 'imageSize', 'inChans', 'device'];

/** Returns the names that `createModel` accepts, sorted. */
export function modelNames(): string[] {
  return modelRegistry.names().sort();
}

/** Returns the names of a model's options. Throws `UserError` (`RECIPE`) for an unknown model. */
export function modelOptionNames(name: string): string[] {
  return [...common, ...Object.keys(entryOf(name).options.shape)];
}

/**
 * Adds a network, so that recipes can name it in `teacher.model` and `student.model`. Throws `UserError` (PLUGIN) for
 * an entry that lacks something, and for a name that is taken.
 */
export function registerModel<O extends z.ZodObject>(entry: ModelEntry<O>): void {
  modelRegistry.add(entry as unknown as ModelEntry);
}

/**
 * A new model, with parameters drawn from the default generator. Options that are undefined take their defaults. Throws
 * `UserError` for an unknown name, an option that the model does not have and a value out of its limits (RECIPE), and
 * for a registered network that is not a module (PLUGIN).
 */
export function createModel(
  name: string,
  options: ModelOptions | (CommonModelOptions & Readonly<Record<string, unknown>>),
): ImageModel {
  const entry = entryOf(name);
  const { numClasses, imageSize, inChans, device, ...own } = options;
  const known = modelOptionNames(name);
  for (const [option, value] of Object.entries(own))
    if (value !== undefined && !known.includes(option)) throw unknownOption(name, option, known);
  const result = entry.options.safeParse(own);
  if (!result.success) throw wrongOption(name, result.error.issues);
  const shared = { numClasses, imageSize, inChans, device } as CommonModelOptions;
  const model: unknown = entry.create({ ...result.data, ...shared });
  if (model instanceof torch.nn.Module) return model as ImageModel;
  throw new UserError(
    'PLUGIN',
    `the model "${name}" cannot be used: create must return a torch.nn.Module, and returned ${String(model)}.`,
  );
}

function entryOf(name: string): ModelEntry {
  const entry = modelRegistry.get(name);
  if (entry !== undefined) return entry;
  throw new UserError('RECIPE', `model "${name}" is unknown; ${suggest(name, modelNames())}`);
}

function unknownOption(name: string, option: string, known: readonly string[]): UserError {
  return new UserError('RECIPE', `model "${name}" has no option "${option}"; it has ${known.join(', ')}`);
}

function wrongOption(name: string, [issue]: readonly z.core.$ZodIssue[]): UserError {
  return new UserError('RECIPE', `model "${name}": ${issue?.path.join('.')}: ${issue?.message}`);
}

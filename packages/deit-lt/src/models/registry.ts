/** All networks by name. A new one is a file and a line here. */
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { vitModels } from './deit.js';
import type { ImageModel, ModelEntry, ModelOptions } from './model.js';
import { regnetModels } from './regnet.js';
import { resnetModels } from './resnet.js';
import { resnetCifarModels } from './resnet-cifar.js';

const models = new Map<string, ModelEntry>(
  [vitModels, resnetCifarModels, resnetModels, regnetModels].flatMap((each) => Object.entries(each)),
);

/** What every model knows. */
const common: readonly (keyof ModelOptions)[] = ['numClasses', 'imageSize', 'inChans', 'device'];

/** The names that `createModel` knows, sorted. */
export function modelNames(): string[] {
  return [...models.keys()].sort();
}

/** The names of the options that a model knows. Throws `UserError` (`RECIPE`) for an unknown model. */
export function modelOptionNames(name: string): (keyof ModelOptions)[] {
  return [...common, ...entryOf(name).options];
}

/** Adds a model, or replaces the one of that name. */
export function registerModel(name: string, entry: ModelEntry): void {
  models.set(name, entry);
}

/**
 * A new model, with parameters drawn from the default generator. Options that are undefined take their defaults.
 * Throws `UserError` (`RECIPE`) for an unknown name, and for an option that the model does not have.
 */
export function createModel(name: string, options: ModelOptions): ImageModel {
  const entry = entryOf(name);
  const known = modelOptionNames(name);
  for (const [option, value] of Object.entries(options))
    if (value !== undefined && !(known as string[]).includes(option)) throw unknownOption(name, option, known);
  return entry.create(options);
}

function entryOf(name: string): ModelEntry {
  const entry = models.get(name);
  if (entry !== undefined) return entry;
  throw new UserError('RECIPE', `model "${name}" is unknown; ${suggest(name, modelNames())}`);
}

function unknownOption(name: string, option: string, known: readonly string[]): UserError {
  return new UserError('RECIPE', `model "${name}" has no option "${option}"; it has ${known.join(', ')}`);
}

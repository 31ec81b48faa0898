/**
 * Loads and checks a recipe, given its name or file and the values set on the command line. A recipe file is a YAML
 * file of differences: `extends` names the recipe that it starts from, up to `default`, which has every value.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { contradictions } from './contradictions.js';
import { resolveEpochs } from './epochs.js';
import { explainIssues } from './explain.js';
import { isValues, merge, type Values } from './merge.js';
import { respelled, withoutFormerKeys } from './older-spelling.js';
import { type Recipe, recipeSchema } from './schema.js';
import { applySettings } from './settings.js';
import { smallBudget } from './small-budget.js';
import { yamlValues } from './yaml-values.js';

/** The folder of the recipes that come with the project. */
export const recipeFolder = fileURLToPath(new URL('../../../recipes/', import.meta.url));

/** Names of the recipes that come with the project, sorted. */
export function recipeNames(folder: string = recipeFolder): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
}

export interface LoadOptions {
  /** `key=value` pairs as on the command line: `student.epochs=90`. */
  settings?: readonly string[];
  /** `small`: shrunk by `smallBudget` before the settings are applied. Default: unchanged. */
  budget?: 'small' | undefined;
  folder?: string;
}

/**
 * The recipe `nameOrFile` (a name of `recipeNames()`, or a path that ends in .yaml, .yml or .json), complete and
 * checked. Throws UserError RECIPE that names the file or key, what is allowed and what was found.
 */
export function loadRecipe(
  nameOrFile: string,
  { settings = [], budget, folder = recipeFolder }: LoadOptions = {},
): Recipe {
  const where = `recipe ${nameOrFile}`;
  const values = withoutFormerKeys(readWithBase(nameOrFile, folder, []));
  const base: Values = budget === 'small' ? { ...smallBudget(checkRecipe(values, where)) } : values;
  return checkRecipe(respelled(applySettings(base, settings), {}), where);
}

/**
 * Returns the recipe of `values` as a recipe file has them, with `extends`, and with the user's `settings` over them. `where`
 * begins the messages. Throws UserError RECIPE.
 */
export function completeRecipe(
  values: Values,
  { settings = [], budget, where }: Omit<LoadOptions, 'folder'> & { readonly where: string },
): Recipe {
  const { extends: base = 'default', ...own } = values;
  const whole = merge(withoutFormerKeys(readWithBase(String(base), recipeFolder, [])), own);
  const shrunk: Values = budget === 'small' ? { ...smallBudget(checkRecipe(whole, where)) } : whole;
  return checkRecipe(respelled(applySettings(shrunk, settings), {}), where);
}

/** `values` as a recipe, or UserError RECIPE that lists all that is wrong; `where` begins its message. */
export function checkRecipe(values: unknown, where: string): Recipe {
  const result = recipeSchema.safeParse(values);
  if (!result.success) throw wrongValues(where, explainIssues(result.error.issues, values));
  const recipe = resolveEpochs(result.data);
  const wrong = contradictions(recipe);
  if (wrong.length > 0) throw new UserError('RECIPE', `${where}: ${wrong.join('; ')}.`);
  return recipe;
}

function wrongValues(where: string, wrong: readonly string[]): UserError {
  if (wrong.length === 1) return new UserError('RECIPE', `${where}: ${wrong[0]}`);
  return new UserError('RECIPE', `${where}:`, { lines: wrong.map((line) => `  ${line}`) });
}

function readWithBase(nameOrFile: string, folder: string, seen: readonly string[]): Values {
  const file = locate(nameOrFile, folder);
  if (seen.includes(file))
    throw new UserError(
      'RECIPE',
      `${file}: extends itself (${[...seen, file].join(' → ')}); end the chain with "default".`,
    );
  const { extends: base, ...own } = readValues(file);
  if (path.resolve(file) === path.resolve(folder, 'default.yaml')) return respelled(own, own);
  if (base !== undefined && typeof base !== 'string')
    throw new UserError('RECIPE', `${file}: extends must be the name or file of one recipe.`);
  const from = base ?? 'default';
  const near = /\.(ya?ml|json)$/.test(from) ? path.resolve(path.dirname(file), from) : from;
  return respelled(merge(readWithBase(near, folder, [...seen, file]), own), own);
}

function locate(nameOrFile: string, folder: string): string {
  if (/\.(ya?ml|json)$/.test(nameOrFile)) {
    if (existsSync(nameOrFile)) return nameOrFile;
    throw new UserError(
      'RECIPE',
      `${nameOrFile}: no such recipe file. Recipes by name: ${recipeNames(folder).join(', ')}.`,
    );
  }
  const names = recipeNames(folder);
  if (names.includes(nameOrFile)) return path.join(folder, `${nameOrFile}.yaml`);
  throw new UserError(
    'RECIPE',
    `no recipe is called "${nameOrFile}" (a file of your own ends in .yaml); ${suggest(nameOrFile, names)}`,
  );
}

function readValues(file: string): Values {
  const values = valuesOf(textOf(file), file) ?? {};
  if (!isValues(values)) throw new UserError('RECIPE', `${file}: expected "key: value" lines.`);
  return values;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError('RECIPE', `${file} cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** The reason may have more lines: that of the file, and a mark below it. */
function valuesOf(text: string, file: string): unknown {
  try {
    return yamlValues(text);
  } catch (cause) {
    const [what, ...lines] = (cause as Error).message.trim().split('\n');
    throw new UserError('RECIPE', `${file}: ${what}`, { lines, cause });
  }
}

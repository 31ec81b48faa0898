/** `deit-lt recipes`: the list with descriptions, all values of one as YAML, or the values in which two differ. */

import { stringify } from 'yaml';
import { UserError } from '../errors.js';
import { differences } from '../recipe/differences.js';
import { loadRecipe, recipeNames } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import { suggestedCommand } from '../suggested-command.js';
import type { CommandInput } from './command-spec.js';
import type { CliContext } from './context.js';
import type { Options } from './option-table.js';
import { formatTable } from './table.js';

export async function run({ args, options, context }: CommandInput): Promise<undefined> {
  const name = nameIn(args);
  const { json = false, diff, set: settings = [], budget } = options;
  if (name !== undefined) {
    const recipe = loadRecipe(name, { settings, budget });
    if (diff === undefined) show(recipe, json, context);
    else compare({ name: changedName(name, options), recipe }, { name: diff, recipe: loadRecipe(diff) }, json, context);
  } else if (diff !== undefined || settings.length > 0 || budget !== undefined) throw missingName();
  else list(json, context);
}

function changedName(name: string, { set = [], budget }: Options): string {
  const by = [...(budget === undefined ? [] : ['--budget small']), ...(set.length > 0 ? ['--set'] : [])];
  return by.length === 0 ? name : `${name} with ${by.join(' and ')}`;
}

/** `recipes show NAME` and `recipes NAME` are the same. */
function nameIn(args: readonly string[]): string | undefined {
  const shows = args[0] === 'show';
  const [name, ...others] = shows ? args.slice(1) : args;
  if (shows && name === undefined) throw missingName();
  if (others.length > 0)
    throw new UserError(
      'USAGE',
      `recipes: expected one name, received ${args.join(' ')}. To compare two: ${suggestedCommand('recipes', 'show', name!, '--diff', others[0]!)}`,
    );
  return name;
}

function missingName(): UserError {
  return new UserError(
    'USAGE',
    `the name of a recipe is missing, for example: ${suggestedCommand('recipes', 'show', 'quickstart')}`,
  );
}

function show(recipe: Recipe, json: boolean, { print, printJson }: CliContext): void {
  if (json) printJson(recipe);
  else print(stringify(recipe).trimEnd()); // YAML writes out what cannot be printed
}

interface NamedRecipe {
  readonly name: string;
  readonly recipe: Recipe;
}

function compare(a: NamedRecipe, b: NamedRecipe, json: boolean, { print, printJson, note }: CliContext): void {
  const found = differences(a.recipe, b.recipe);
  if (json) printJson({ recipe: a.name, other: b.name, differences: found });
  else if (found.length === 0) note(`${a.name} and ${b.name} do not differ.`);
  else {
    const columns = [{ title: 'key' }, { title: a.name }, { title: b.name }];
    print(
      formatTable(
        columns,
        found.map(({ key, value, other }) => [key, text(value), text(other)]),
      ),
    );
  }
}

/** Returns the value on one line, as a recipe file would write it; `–` where a recipe does not have the key. */
const text = (value: unknown): string =>
  value === undefined ? '–' : stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd();

const columns = [{ title: 'recipe' }, { title: 'what it is' }];
const hint = [
  '',
  `All values of one: ${suggestedCommand('recipes', 'show', 'NAME')}; its differences from another: --diff OTHER. Change values with`,
  '--set student.epochs=90, or write a file my.yaml with "extends: NAME" and the values that differ, and use --recipe my.yaml.',
];

function list(json: boolean, { print, printJson, note }: CliContext): void {
  const recipes = recipeNames().map((name) => ({ name, description: loadRecipe(name).description }));
  if (json) {
    printJson(recipes);
    return;
  }
  const rows = recipes.map(({ name, description }) => [name, description]);
  print(formatTable(columns, rows));
  note(...hint);
}

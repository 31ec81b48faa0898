/** `deit-lt recipes`: the list with descriptions, or all values of one as YAML. */
import { stringify } from 'yaml';
import { loadRecipe, recipeNames } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import type { CliContext, CommandInput } from './context.js';
import { formatTable } from './table.js';

export async function run({ args: [name], options, context }: CommandInput): Promise<undefined> {
  if (name === undefined) list(options.json === true, context);
  else show(loadRecipe(name, { settings: options.set ?? [] }), options.json === true, context);
}

function show(recipe: Recipe, json: boolean, { print, printJson }: CliContext): void {
  if (json) printJson(recipe);
  else print(stringify(recipe).trimEnd());
}

const columns = [{ title: 'recipe' }, { title: 'what it is' }];
const hint = `
All values of one: deit-lt recipes NAME. Change some with --set student.epochs=90, or in a file of your own that says
"extends: NAME" and what differs, with --recipe my.yaml.`;

function list(json: boolean, { print, printJson, note }: CliContext): void {
  const recipes = recipeNames().map((name) => ({ name, description: loadRecipe(name).description }));
  if (json) {
    printJson(recipes);
    return;
  }
  const rows = recipes.map(({ name, description }) => [name, description]);
  print(formatTable(columns, rows));
  note(hint);
}

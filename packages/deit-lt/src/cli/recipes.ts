/** `deit-lt recipes`: the list with descriptions, or all values of one as YAML. */
import { stringify } from 'yaml';
import { loadRecipe, recipeNames } from '../recipe/load.js';
import type { CommandInput } from './context.js';
import { formatTable } from './table.js';

export async function run({ args: [name], options, context }: CommandInput): Promise<undefined> {
  if (name === undefined) list(options.json === true, context);
  else {
    const recipe = loadRecipe(name, { settings: options.set ?? [] });
    if (options.json === true) context.printJson(recipe);
    else context.print(stringify(recipe).trimEnd());
  }
}

function list(json: boolean, { print, printJson, note }: CommandInput['context']): void {
  const recipes = recipeNames().map((name) => ({ name, description: loadRecipe(name).description }));
  if (json) return printJson(recipes);
  print(formatTable([{ title: 'recipe' }, { title: 'what it is' }], recipes.map((recipe) => [recipe.name, recipe.description])));
  note('\nAll values of one: deit-lt recipes NAME. Change some: --set student.epochs=90, or a file of your own that says\n"extends: NAME" and what differs: --recipe my.yaml.');
}

/** `deit-lt completion`: prints a script that completes commands, options and values in a shell. */
import { datasetNames } from '../data/open.js';
import { UserError } from '../errors.js';
import { recipeKeys } from '../recipe/keys.js';
import { recipeNames } from '../recipe/load.js';
import type { CommandInput } from './command-spec.js';
import { completionScript, type Shell, shells } from './completion-scripts.js';

export async function run({ args: [shell = ''], commands, context }: CommandInput): Promise<undefined> {
  if (!(shells as readonly string[]).includes(shell))
    throw new UserError('USAGE', `"${shell}" is not a shell that is known; expected one of ${shells.join(', ')}.`);
  if (commands === undefined) throw new Error('internal: a command line without commands');
  const known = { data: datasetNames, recipes: recipeNames(), keys: recipeKeys() };
  context.print(completionScript(shell as Shell, commands, known).trimEnd());
}

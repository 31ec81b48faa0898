/** The background of transparent images, for commands that open the data before they know a model or a recipe. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Rgb, white } from '../data/decode/background.js';
import { loadRecipe } from '../recipe/load.js';
import { readRunConfig } from '../runs/run-folder.js';
import { settingsOf } from './choose-recipe.js';
import type { Options } from './option-table.js';

/**
 * Returns the background of the recipe in the options. If the data will choose the recipe, all candidates have the
 * default background. Throws UserError RECIPE. Settings of other values wait for the recipe that they are for.
 */
export function backgroundOfOptions(options: Options): Rgb {
  const settings = settingsOf(options).filter((setting) => setting.trimStart().startsWith('data'));
  return loadRecipe(options.recipe ?? 'default', { settings }).data.background;
}

/** Returns the background of the run of `place`, a run folder or a checkpoint in one. Throws UserError RUN_FOLDER. */
export function backgroundOfRun(place: string): Rgb {
  const folders = [place, path.join(place, 'student'), path.join(place, 'teacher'), path.dirname(path.dirname(place))];
  const folder = folders.find((each) => existsSync(path.join(each, 'config.json')));
  return folder === undefined ? white : readRunConfig(folder).recipe.data.background;
}

/**
 * The values that `--resume` reads from a run folder: the recipe, and the data options of the command that began the
 * run.
 */
import path from 'node:path';
import { UserError } from '../errors.js';
import { checkRecipe } from '../recipe/load.js';
import { isValues } from '../recipe/merge.js';
import type { Recipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import { firstRunIn, readRunConfig } from '../runs/run-folder.js';
import { settingsOf } from './choose-recipe.js';
import type { CommandInput } from './command-spec.js';
import type { Options } from './option-table.js';

export interface EarlierRun {
  readonly recipe: Recipe;
  /** Options of the first start that are no part of the recipe. */
  readonly options: Options;
  /** `--time` of the first start, in seconds. */
  readonly time: number | undefined;
}

/** Commands whose run folder has a folder for each model. */
const severalModels = ['quickstart', 'train', 'study'];

/** The command that resumes a run. */
export interface Resuming {
  /** The command's name. */
  readonly command: string;
  readonly given: Options;
  readonly parse: CommandInput['parse'];
}

/**
 * The run in `folder`, which the command `command` resumes; undefined when there is none. Throws UserError RUN_FOLDER when
 * another command made it.
 */
export function earlierRun(folder: string, { command, given, parse }: Resuming): EarlierRun | undefined {
  const home = firstRunIn(folder);
  if (home === undefined) return undefined;
  const config = readRunConfig(home);
  const first = commandOf(config.command, parse);
  if (first !== undefined && first.command !== command)
    throw new UserError('RUN_FOLDER', `${folder} was made by "deit-lt ${first.command}": resume it with that command.`);
  if (home === folder && severalModels.includes(command))
    throw new UserError(
      'RUN_FOLDER',
      `${folder} is one model of a run of "deit-lt ${command}": resume the whole run, with --out ${path.dirname(path.resolve(folder))}.`,
    );
  const settings = settingsOf(given);
  const values =
    settings.length === 0 || !isValues(config.recipe) ? config.recipe : applySettings(config.recipe, settings);
  return { recipe: checkRecipe(values, `recipe of ${home}`), options: first?.options ?? {}, time: first?.time };
}

/** Parses the command in config.json; undefined when another version or a program wrote them. */
function commandOf(
  words: readonly string[],
  parse: CommandInput['parse'],
): { command: string; options: Options; time: number | undefined } | undefined {
  const start = words.indexOf('deit-lt');
  try {
    const parsed = parse(words.slice(start + 1));
    if (parsed === undefined || start < 0) return undefined;
    const { data, split, testSplit, root, check, skipBad, offline, saveEvery, fitMemory, vit, teacher, from, time } =
      parsed.options;
    const kept = Object.entries({
      data,
      split,
      testSplit,
      root,
      check,
      skipBad,
      offline,
      saveEvery,
      fitMemory,
      vit,
      teacher,
      from,
    });
    const options = Object.fromEntries(kept.filter(([, value]) => value !== undefined));
    return { command: parsed.spec.name, options, time };
  } catch {
    return undefined;
  }
}

/** Chooses the recipe of a command, and applies the options that set its values. */

import { classCounts, type Dataset } from '../data/dataset.js';
import { type GroupKind, groupsOf } from '../data/groups.js';
import { UserError } from '../errors.js';
import { modelNames } from '../models/registry.js';
import { externalTeacher } from '../recipe/contradictions.js';
import { loadRecipe, recipeNames } from '../recipe/load.js';
import type { Recipe } from '../recipe/schema.js';
import { applySettings } from '../recipe/settings.js';
import { suggestedCommand } from '../suggested-command.js';
import { plainName } from '../tasks/model-of.js';
import type { Options } from './option-table.js';

export interface ChosenRecipe {
  readonly name: string;
  readonly recipe: Recipe;
  /** The same before the user's own values. */
  readonly base: Recipe;
  /** Says which recipe was chosen and why; undefined when the user chose. */
  readonly note?: string;
}

/** Balanced data sets: the long tail of the recipe is made from them. */
const balanced = ['shapes', 'cifar10', 'cifar100'];

/** Images up to this many pixels wide and high are trained like CIFAR's. */
const smallImages = 64;

/** `--imbalance 100` → `data.imbalance=100`, …; values of `--set` come last and win. */
export function settingsOf({ imbalance, imbalanceType, select, set = [] }: Options): string[] {
  return [
    ...(imbalance === undefined ? [] : [`data.imbalance=${imbalance}`]),
    ...(imbalanceType === undefined ? [] : [`data.imbalanceType=${imbalanceType}`]),
    ...(select === undefined ? [] : [`evaluation.select=${select}`]),
    ...set,
  ];
}

/** Finds mistakes in the recipe and the settings of `command` before the data are read. Throws UserError RECIPE. */
export function checkEarly(options: Options, command = ''): void {
  const settings = settingsOf(options);
  const { budget } = options;
  if (options.recipe === undefined) applySettings({}, settings);
  else {
    const recipe = loadRecipe(options.recipe, { settings, budget });
    if (recipe.teacher.external && ['train', 'teacher'].includes(command)) throw externalTeacher();
    if (['train', 'student'].includes(command) && isPlain(recipe.student.model.name)) throw noTeacher(options.recipe);
  }
}

/** Returns whether the network has no DIST token. */
function isPlain(name: string): boolean {
  return modelNames().includes(name) && plainName(name) === name;
}

function noTeacher(recipe: string): UserError {
  return new UserError(
    'RECIPE',
    `the student of recipe ${recipe} is trained without a teacher: use "${suggestedCommand('vit', '--recipe', recipe)}".`,
  );
}

/**
 * Returns the recipe of `--recipe`, else `byDefault`, else the one that `suitableRecipe` chooses for `dataset`. The
 * user's own data are then used unchanged: a long tail is made only with `--imbalance`. Throws UserError RECIPE.
 */
export function chooseRecipe(options: Options, dataset: Dataset, byDefault?: string): ChosenRecipe {
  const settings = settingsOf(options);
  const { budget } = options;
  const named = (name: string): string => (budget === undefined ? name : `${name}-${budget}`);
  if (options.recipe !== undefined)
    return {
      name: named(shortName(options.recipe)),
      recipe: loadRecipe(options.recipe, { settings, budget }),
      base: loadRecipe(options.recipe, { budget }),
    };
  const { name: chosen, why } = byDefault === undefined ? suitableRecipe(dataset) : { name: byDefault, why: smallRule };
  const asTheyAre = balanced.includes(dataset.name) ? [] : ['data.imbalance=null', 'data.groups=auto'];
  return {
    name: named(chosen),
    recipe: loadRecipe(chosen, { settings: [...asTheyAre, ...settings], budget }),
    base: loadRecipe(chosen, { budget }),
    note: `recipe: ${chosen} (${why}); ${byDefault === undefined ? '--recipe NAME chooses another' : `"${suggestedCommand('train', '--recipe', 'NAME')}" takes another`}, "${suggestedCommand('recipes')}" lists them`,
  };
}

/** Data sets of the paper that are long-tailed as they are, known by their classes and counts, and their recipes. */
const published: Partial<Record<GroupKind, string>> = {
  'imagenet-lt': 'imagenet-lt',
  'inaturalist-2018': 'inat2018',
};

/** Describes the recipe `quickstart`, which resizes all images. */
const smallRule = 'a short training at 32 × 32 pixels';

function suitableRecipe({ name, classNames, train: { images, labels } }: Dataset): { name: string; why: string } {
  const own = published[groupsOf(classCounts(labels, classNames.length)).kind];
  if (own !== undefined) return { name: own, why: 'the class sizes are those of this data set' };
  const small = images.kind === 'memory' && Math.max(images.width, images.height) <= smallImages;
  const [first, otherwise] = ['cifar10-lt-cpu', 'quickstart'];
  if (name !== 'shapes' && small && recipeNames().includes(first!))
    return { name: first!, why: `all images have one size of at most ${smallImages} × ${smallImages} pixels` };
  return { name: otherwise!, why: smallRule };
}

/** A recipe file's name without folder and extension. */
function shortName(nameOrFile: string): string {
  return nameOrFile.replace(/^.*[\\/]/, '').replace(/\.(ya?ml|json)$/, '');
}

/** `value`, or UserError USAGE that says which option is missing. */
export function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new UserError('USAGE', message);
  return value;
}

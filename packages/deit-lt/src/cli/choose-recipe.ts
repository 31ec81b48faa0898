/** Chooses the recipe of a command, and applies the options that set its values. */

import type { Dataset } from '../data/dataset.js';
import { UserError } from '../errors.js';
import { modelNames } from '../models/registry.js';
import { externalTeacher } from '../recipe/contradictions.js';
import { loadRecipe } from '../recipe/load.js';
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
 * Returns the recipe of `--recipe`, else `byDefault`, else the one that is made for `dataset`; undefined for data of the user's
 * own, for which a training is planned. The user's own data are used unchanged: a long tail is made only with `--imbalance`.
 * Throws UserError RECIPE.
 */
export function chooseRecipe(options: Options, dataset: Dataset, byDefault?: string): ChosenRecipe | undefined {
  const settings = settingsOf(options);
  const { budget } = options;
  const named = (name: string): string => (budget === undefined ? name : `${name}-${budget}`);
  if (options.recipe !== undefined)
    return {
      name: named(shortName(options.recipe)),
      recipe: loadRecipe(options.recipe, { settings, budget }),
      base: loadRecipe(options.recipe, { budget }),
    };
  const small = budget === undefined ? byDefault : 'quickstart'; // to try things out, nothing is planned
  const made = small === undefined ? recipeMadeFor(dataset) : { name: small, why: smallRule };
  if (made === undefined) return undefined;
  const { name: chosen, why } = made;
  const asTheyAre = balanced.includes(dataset.name) ? [] : ['data.imbalance=null', 'data.groups=auto'];
  return {
    name: named(chosen),
    recipe: loadRecipe(chosen, { settings: [...asTheyAre, ...settings], budget }),
    base: loadRecipe(chosen, { budget }),
    note: `recipe: ${chosen} (${why}); ${byDefault === undefined ? '--recipe NAME chooses another' : `"${suggestedCommand('train', '--recipe', 'NAME')}" takes another`}, "${suggestedCommand('recipes')}" lists them`,
  };
}

/** Describes the recipe `quickstart`, which resizes all images. */
const smallRule = 'a short training at 32 × 32 pixels, to which all images are resized';
/** CIFAR has at least as many training images, also with a long tail. */
const fewestOfCifar = 5000;

/** The drawn shapes and CIFAR have a recipe of their own. */
function recipeMadeFor({
  name,
  classNames,
  train: { images, labels },
}: Dataset): { name: string; why: string } | undefined {
  if (name === 'shapes') return { name: 'quickstart', why: 'the drawn shapes at 32 × 32 pixels, in minutes' };
  const isCifar =
    images.kind === 'memory' &&
    images.width === 32 &&
    images.height === 32 &&
    [10, 100].includes(classNames.length) &&
    labels.length >= fewestOfCifar;
  return isCifar
    ? { name: 'cifar10-lt-cpu', why: 'images of 32 × 32 pixels in 10 or 100 classes, as CIFAR' }
    : undefined;
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

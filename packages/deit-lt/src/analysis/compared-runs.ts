/**
 * Finds the models to compare: those of run folders with their predictions, and runs that differ only in their seed.
 */

import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type ByClass, byClass } from '../by-class.js';
import type { Group } from '../data/groups.js';
import { UserError } from '../errors.js';
import { isOnnx, noNetwork } from '../onnx/onnx-files.js';
import { isForeign } from '../published/weight-source.js';
import { partOf } from '../recipe/part.js';
import { type Predictions, readPredictions } from '../runs/predictions.js';
import { evaluatingCommand } from '../runs/recorded-data.js';
import { isRunFolder, type RunConfig, RunFolder, readRunConfig, recordedIn } from '../runs/run-folder.js';
import { suggestedCommand } from '../suggested-command.js';

/** A trained model and what it said. */
export interface ComparedModel {
  /** The end of its path that tells it from the others. */
  readonly name: string;
  readonly folder: string;
  readonly config: RunConfig;
  readonly predictions: Predictions;
  /** Group of each class, in the class order of the predictions. */
  readonly groups: ByClass<Group>;
}

/** Models with the same key saw the same images of the same classes, whatever the numbers of these. */
export function imagesKey({ predictions, groups }: Pick<ComparedModel, 'predictions' | 'groups'>): string {
  return JSON.stringify([predictions.imagesSha256, [...groups.classNames].sort()]);
}

/** The groups that were measured; files of earlier versions leave them to the run. */
export function measuredGroups(
  { classes }: Pick<Predictions, 'classes'>,
  { data }: Pick<RunConfig, 'data'>,
): ByClass<Group> {
  return classes === undefined ? byClass(data.classNames, data.groups) : byClass(classes.names, classes.groups);
}

/** One model, or several that were trained alike but for the seed. */
export interface Contender {
  /** Name of the first model. */
  readonly name: string;
  readonly models: readonly ComparedModel[];
}

export interface FoundModels {
  readonly models: readonly ComparedModel[];
  /** Run folders beside them whose predictions are not there, as after an interruption. */
  readonly missing: readonly string[];
  /** Run folders beside them that cannot be opened, such as those that need a `--plugin`, and why. */
  readonly skipped: readonly SkippedRun[];
}

/** The order of models in a folder of several; others follow by name. */
const usualOrder = ['teacher', 'vit', 'student'];

/** A run that was left out, and the reason. */
export interface SkippedRun {
  readonly folder: string;
  readonly reason: string;
}

/**
 * Opens the runs of `places` by `open`. A run that cannot be opened is skipped when it is one of several in a folder; one
 * that was named itself, or that is alone, throws its error.
 */
export function openRuns<R extends object>(
  places: readonly string[],
  open: (folder: string) => R,
): { opened: (R & { readonly folder: string })[]; skipped: SkippedRun[] } {
  const named = places.map((place) => path.resolve(place));
  const skipped: SkippedRun[] = [];
  let first: UserError | undefined;
  const opened = [...new Set(places.flatMap(runFoldersIn))].flatMap((folder) => {
    try {
      return [{ ...open(folder), folder }];
    } catch (error) {
      if (!(error instanceof UserError) || named.includes(folder)) throw error;
      first ??= error;
      skipped.push({ folder, reason: error.message });
      return [];
    }
  });
  if (opened.length === 0 && first !== undefined) throw first;
  return { opened, skipped };
}

/** Returns the note about a run that was left out. */
export function skippedNote({ folder, reason }: SkippedRun): string {
  return `${folder} is left out: ${reason}`;
}

/**
 * The models of `places`: run folders, or folders that have some, as `train` makes them. Throws UserError RUN_FOLDER
 * for a place without a run, and for a run without predictions that was named or is alone.
 */
export function findModels(places: readonly string[]): FoundModels {
  const { opened, skipped } = openRuns(places, (folder) => ({ measured: measuredIn(folder) }));
  const found = opened.flatMap(({ folder, measured }) => (measured === undefined ? [] : [{ folder, ...measured }]));
  const missing = opened.flatMap(({ folder, measured }) => (measured === undefined ? [folder] : []));
  const named = places.map((place) => path.resolve(place));
  const needed = found.length === 0 ? missing[0] : missing.find((folder) => named.includes(folder));
  if (needed !== undefined) throw withoutPredictions(needed);
  const names = shortNames(found.map(({ folder }) => folder));
  return { models: found.map((model, i) => ({ name: names[i]!, ...model })), missing, skipped };
}

/** Undefined for a run without predictions. */
function measuredIn(folder: string): Omit<ComparedModel, 'name' | 'folder'> | undefined {
  const { predictionsFile } = new RunFolder(folder);
  if (!existsSync(predictionsFile)) return undefined;
  const config = readRunConfig(folder);
  const predictions = readPredictions(predictionsFile, config.data.classNames.length);
  return predictions && { predictions, config, groups: measuredGroups(predictions, config) };
}

/**
 * The runs of single models in `place`: itself, folders in it, or, where it has none, in its folders, as `train --seeds` makes them.
 * Throws UserError RUN_FOLDER when there is none.
 */
export function runFoldersIn(place: string): string[] {
  if (!existsSync(place) || !statSync(place).isDirectory()) throw noFolder(place);
  if (existsSync(new RunFolder(place).configFile)) return [path.resolve(place)];
  const runs = runsBelow(place);
  const found = runs.length > 0 ? runs : foldersIn(place).flatMap((name) => runsBelow(path.join(place, name)));
  if (found.length > 0) return found;
  throw new UserError(
    'RUN_FOLDER',
    `${place} is not a run folder: neither it, nor a folder in it, nor one in those has a config.json.`,
  );
}

function runsBelow(place: string): string[] {
  const names = foldersIn(place).filter((name) => isRunFolder(path.join(place, name)));
  const others = names.filter((name) => !usualOrder.includes(name));
  return [...usualOrder.filter((name) => names.includes(name)), ...others].map((name) => path.resolve(place, name));
}

/** Names of the folders in `place`, numbers by their value: seed-2 before seed-10. */
function foldersIn(place: string): string[] {
  const isFolder = (name: string): boolean =>
    statSync(path.join(place, name), { throwIfNoEntry: false })?.isDirectory() ?? false;
  return readdirSync(place).filter(isFolder).sort(collator.compare);
}

const collator = new Intl.Collator('en', { numeric: true });

function noFolder(place: string): UserError {
  if (!existsSync(place)) return new UserError('RUN_FOLDER', `${place} does not exist; expected ${expected}.`);
  if (isOnnx(place)) return noNetwork(place);
  const run = path.dirname(path.dirname(path.resolve(place)));
  const hint = isRunFolder(run)
    ? ` That of this file is ${run}`
    : isForeign(place)
      ? ` Make a run folder from a checkpoint with: ${suggestedCommand('import', place, '--out', 'RUN')}`
      : '';
  return new UserError('RUN_FOLDER', `${place} is not a folder; expected ${expected}.${hint}`);
}

const expected = 'a run folder, or a folder that contains some';

function withoutPredictions(folder: string): UserError {
  return new UserError(
    'RUN_FOLDER',
    `${folder} has no predictions.safetensors (the predictions of its model): the training has not finished, or an earlier version ran it. Make the file with: ${evaluatingCommand(folder, recordedIn(folder))}`,
  );
}

/** Paths without the folders that all have in common at their beginning. */
export function shortNames(folders: readonly string[]): string[] {
  const parts = folders.map((folder) => folder.split(path.sep));
  const shortest = Math.min(...parts.map(({ length }) => length));
  let common = 0;
  while (common < shortest - 1 && parts.every((words) => words[common] === parts[0]![common])) common++;
  return parts.map((words) => words.slice(common).join('/'));
}

/**
 * Models that differ in their seed alone, and saw the same images, become one contender; in the order of their first.
 */
export function bySeed(models: readonly ComparedModel[]): Contender[] {
  const contenders: { name: string; key: string; models: ComparedModel[] }[] = [];
  for (const model of models) {
    const key = withoutSeed(model);
    const { seed } = model.config.recipe;
    const alike = contenders.find(
      (other) => other.key === key && other.models.every(({ config }) => config.recipe.seed !== seed),
    );
    if (alike === undefined) contenders.push({ name: model.name, key, models: [model] });
    else alike.models.push(model);
  }
  return contenders.map(({ name, models }) => ({
    models,
    name: models.length > 1 ? nameOfSeeds(name, models[0]!) : name,
  }));
}

/** The name of one of several seeds without its folder: seed-0/student → student; a run that is such a folder has that of its kind. */
function nameOfSeeds(name: string, { config }: ComparedModel): string {
  return name.replace(/(^|\/)seed-\d+(\/|$)/, '$1') || config.kind;
}

/** All that makes a model but the seed; the runs that it was made from count by their recipes. */
function withoutSeed({ config, predictions, groups }: ComparedModel): string {
  const { kind, recipe, teacher, from, tau } = config;
  return JSON.stringify({
    kind,
    part: partOf(config),
    common: [recipe.data, recipe.evaluation, recipe.device, recipe.precision],
    classes: [groups.classNames, groups],
    teacher: teacher === null ? null : recipeOf(teacher, config.teacherSha256),
    from: from === undefined ? null : recipeOf(from.path, from.sha256),
    tau: tau ?? null,
    images: predictions.imagesSha256,
  });
}

/** The recipe of another run if it still exists; else the hash of its model. */
function recipeOf(run: string, sha256: string | null): unknown {
  if (!existsSync(new RunFolder(run).configFile)) return sha256;
  return partOf(readRunConfig(run));
}

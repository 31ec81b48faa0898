/**
 * Trainings that begin with trained weights: of another run, or of a file that another program wrote. `learn: classifier`
 * then trains only a new classifier (cRT: B. Kang et al., "Decoupling representation and classifier for long-tailed
 * recognition", ICLR 2020).
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import * as torch from '@deit-lt/torch';
import { checkpointFile } from '../classifier/classifier.js';
import { UserError } from '../errors.js';
import { short } from '../format.js';
import type { ImageModel } from '../models/model.js';
import { findWeights } from '../pretrained/find-weights.js';
import { type FitOptions, fitWeights } from '../pretrained/fit-weights.js';
import { type GivenWeights, withGivenWeights } from '../pretrained/read-weights.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { type PartName, partName, type TrainingKind } from '../recipe/training-kind.js';
import { sha256Of } from '../runs/files.js';
import { isRunFolder, type RunConfig, RunFolder, readRunConfig } from '../runs/run-folder.js';
import { plainName } from '../tasks/model-of.js';
import { limitLearning } from './learn.js';

/** Where the initial weights came from, as config.json records it. */
export type InitialWeights = NonNullable<RunConfig['from']>;

/** Throws UserError RECIPE when the recipe trains only a part of the network and no initial weights are given. */
export function checkFrom(part: PartName, { learn }: Pick<TrainingRecipe, 'learn'>, from: string | null): void {
  if (learn !== 'all' && from === null)
    throw new UserError(
      'RECIPE',
      `${part}.learn is "${learn}", so it needs trained weights: give a run folder or a checkpoint with --from RUN (or ${part}.from), or set ${part}.learn=all.`,
    );
}

/** Returns a note about a recipe for trained weights that has none; undefined for others. */
export function randomWeightsNote(
  part: PartName,
  { layerDecay }: Pick<TrainingRecipe, 'layerDecay'>,
  from: string | null,
): string | undefined {
  if (layerDecay === null || from !== null) return undefined;
  return `${part}.layerDecay is ${layerDecay}, which is for trained weights, but this training begins with random ones: give weights with --from (docs/pretrained.md), or set ${part}.layerDecay=null`;
}

export interface BeginOptions {
  readonly kind: TrainingKind;
  readonly recipe: TrainingRecipe;
  readonly classNames: readonly string[];
  /** A run folder, checkpoint, file of weights or the name of a cached one; null: the weights stay random. */
  readonly from: string | null;
  /** The run folder when it is resumed. */
  readonly resumed?: string | undefined;
  /** Receives one line for each thing that the reader should know. */
  readonly note: (line: string) => void;
}

/**
 * Gives `model` the weights of `from`, and lets only those parameters require a gradient that the recipe trains. A run that
 * has a checkpoint to resume from does not need `from` any more. Throws UserError RUN_FOLDER and CHECKPOINT for weights that
 * are missing, damaged or of another network.
 */
export async function beginFrom(model: ImageModel, options: BeginOptions): Promise<InitialWeights | undefined> {
  const { from, recipe, kind } = options;
  const recorded = recordedIn(options);
  const found = recorded ?? (from === null ? undefined : await loadFrom(model, from, options));
  if (found !== undefined) limitLearning(model, recipe.learn, partName(kind));
  return found;
}

/**
 * The record of the resumed run; undefined when it has no checkpoint yet, or when the given weights exist and are others:
 * then a comparison of both tells so.
 */
function recordedIn({ resumed, from }: BeginOptions): InitialWeights | undefined {
  if (resumed === undefined || !new RunFolder(resumed).hasCheckpoint('last')) return undefined;
  const { from: recorded } = readRunConfig(resumed);
  if (recorded === undefined || from === null || !existsSync(from)) return recorded;
  return { ...recorded, sha256: sha256Of(checkpointFile(from, 'best')) };
}

async function loadFrom(
  model: ImageModel,
  from: string,
  { kind, recipe, classNames, note }: BeginOptions,
): Promise<InitialWeights> {
  const part = partName(kind);
  const place = placeOf(kind, findWeights(from, `${part}.from`));
  const name = kind === 'vit' ? plainName(recipe.model.name) : recipe.model.name;
  const fit: FitOptions = { classNames, newClassifier: recipe.learn === 'classifier', part, name };
  return withGivenWeights(place, model, (given) => {
    const { state, notes } = fitWeights(model, given, fit);
    requireUsable(state, given.file);
    torch.noGrad(() => model.loadStateDict(state));
    for (const line of [...fittedNote(given, notes), ...normalisationNotes(given, recipe, part)]) note(line);
    const { file, origin, from: earlier } = given;
    return {
      path: path.resolve(place),
      sha256: sha256Of(file),
      ...(given.model && { model: given.model.name }),
      ...origin,
      ...(earlier && { from: earlier }),
    };
  });
}

/** No trained network has such a number, and the first loss would not be finite. */
const mostInWeights = 1e10;

/** Throws UserError CHECKPOINT for weights that are finite but so large that no network was trained to them. */
function requireUsable(state: ReadonlyMap<string, torch.Tensor>, file: string): void {
  for (const [name, tensor] of state) {
    if (!tensor.isFloatingPoint() || tensor.numel() === 0) continue;
    const largest = torch.noGrad(() => torch.tidy(() => tensor.float().abs().max().toNumber()));
    if (largest <= mostInWeights) continue;
    throw new UserError(
      'CHECKPOINT',
      `${file}: the weights ${name} have a number of size ${short(largest)}; expected at most ${mostInWeights.toExponential()}, which no trained network reaches. The file is damaged, or not one of weights: give another to --from.`,
    );
  }
}

/** The teacher of a run of `train`, for a teacher; others start from its student. */
function placeOf(kind: TrainingKind, found: string): string {
  const teacher = path.join(found, 'teacher');
  const holdsBoth = !isRunFolder(found) && isRunFolder(teacher);
  return kind === 'teacher' && holdsBoth ? teacher : found;
}

function fittedNote({ file, origin: { licence } }: GivenWeights, notes: readonly string[]): string[] {
  const all = [...notes, ...(licence === undefined ? [] : [`its licence is ${licence}`])];
  return all.length === 0 ? [] : [`initial weights of ${file}: ${all.join('; ')}`];
}

const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** Weights expect images as they were trained on: another normalisation costs accuracy. */
function normalisationNotes({ file, seen, isSmall }: GivenWeights, recipe: TrainingRecipe, part: PartName): string[] {
  const { mean, std } = { ...imageNet, ...seen };
  const isSame = nearly(mean, recipe.mean) && nearly(std, recipe.std);
  const isSaid = seen.mean !== undefined || seen.std !== undefined;
  if (isSame || (isSmall && !isSaid)) return []; // networks for CIFAR come with its statistics, as the recipe of such images
  const settings = `${part}.mean=[${mean.join()}] ${part}.std=[${std.join()}]`;
  const own = `the recipe normalises by mean [${recipe.mean.join()}] and standard deviation [${recipe.std.join()}]`;
  if (!isSaid)
    return [
      `${file} does not contain its image normalisation, and ${own}: if the weights were trained with ImageNet's, as most are, use --set ${settings}`,
    ];
  return [`${own}, but ${file} was trained with others; to use them: --set ${settings}`];
}

/** Two published sets of figures for the same data differ in the third decimal. */
function nearly(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, channel) => Math.abs(value - b[channel]!) < 0.005);
}

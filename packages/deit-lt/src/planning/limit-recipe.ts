/** Limits the time of a recipe that was not made for it: each training gets its part of the time. */
import type { Dataset } from '../data/dataset.js';
import type { Recipe } from '../recipe/schema.js';
import { type PartName, partName, type TrainingKind } from '../recipe/training-kind.js';
import { measureTrainingRates } from '../training/measure-speed.js';
import { startSeconds } from './epochs.js';
import { measuringSeconds } from './plan-training.js';

export interface LimitOptions {
  /** Seconds of the measurement and all trainings together. */
  readonly seconds: number;
  readonly trains: readonly TrainingKind[];
  /** Training images of an epoch. */
  readonly images: number;
  readonly signal?: AbortSignal | undefined;
}

/** The time of each part by its own speed, and what the whole recipe would take. */
export interface RecipeLimits {
  /** As `--set` has them: `teacher.timeLimit=120`. */
  readonly settings: readonly string[];
  /** Seconds of the recipe with all of its epochs. */
  readonly wholeSeconds: number;
}

/** Measures the speed of the trainings on `dataset` and divides the time among them. Throws what the measurement throws. */
export async function limitsFor(
  recipe: Recipe,
  dataset: Dataset,
  { seconds, trains, images, signal }: LimitOptions,
): Promise<RecipeLimits> {
  const began = performance.now();
  const rates = await measureTrainingRates(recipe, dataset, trains, {
    until: began + 1000 * measuringSeconds(seconds),
    signal,
  });
  const left = seconds - (performance.now() - began) / 1000;
  const whole = trains.map((kind) => (images * recipe[partName(kind)].epochs) / rates.get(kind)!);
  const wholeSeconds = whole.reduce((sum, each) => sum + each, 0);
  const parts = [...new Set(trains.map(partName))];
  const shareOf = (part: PartName): number => {
    const own = whole.filter((_, i) => partName(trains[i]!) === part); // student and plain ViT have one limit
    return own.reduce((sum, each) => sum + each, 0) / own.length / wholeSeconds;
  };
  return {
    settings: parts.map((part) => `${part}.timeLimit=${Math.max(1, Math.floor(left * shareOf(part) - startSeconds))}`),
    wholeSeconds,
  };
}

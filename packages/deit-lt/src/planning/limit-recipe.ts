/** Limits the time of a recipe that was not made for it: each training gets its part of the time. */
import type { Dataset } from '../data/dataset.js';
import type { Recipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';
import { measureTrainingSpeed } from '../training/measure-speed.js';
import { startSeconds } from './epochs.js';

export interface LimitOptions {
  /** Seconds of all trainings together. */
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

/** Measures the speed of `recipe` on `dataset` and divides the time among its trainings. Throws what the measurement throws. */
export async function limitsFor(
  recipe: Recipe,
  dataset: Dataset,
  { seconds, trains, images, signal }: LimitOptions,
): Promise<RecipeLimits> {
  const speed = await measureTrainingSpeed(recipe, dataset, { signal });
  const rates = { teacher: speed.teacherImagesPerSecond, student: speed.imagesPerSecond, vit: speed.imagesPerSecond };
  const whole = trains.map((kind) => (images * recipe[partName(kind)].epochs) / rates[kind]);
  const wholeSeconds = whole.reduce((sum, each) => sum + each, 0);
  const limits = trains.map((kind, i) => [partName(kind), (seconds * whole[i]!) / wholeSeconds] as const);
  return {
    settings: [...new Map(limits)].map(
      ([part, limit]) => `${part}.timeLimit=${Math.max(1, Math.floor(limit - startSeconds))}`,
    ),
    wholeSeconds,
  };
}

/** How long the student's training would take on this machine, from two seconds of it. */
import { existsSync } from 'node:fs';
import type { Dataset } from '../data/dataset.js';
import type { Recipe } from '../recipe/schema.js';

/** Trains the recipe's student for some seconds on `dataset` and measures. */
export type MeasureTrainingSpeed = (recipe: Recipe, dataset: Dataset) => Promise<{ imagesPerSecond: number }>;

export interface TrainingTime {
  readonly recipe: string;
  readonly imagesPerSecond: number;
  readonly epochs: number;
  /** Of the student alone, without evaluations. */
  readonly seconds: number;
}

/** `images` are those of an epoch. Undefined when nothing can measure. */
export async function trainingTime(
  { recipe, name }: { recipe: Recipe; name: string },
  dataset: Dataset,
  { images, measure }: { images: number; measure?: MeasureTrainingSpeed | undefined },
): Promise<TrainingTime | undefined> {
  const measureSpeed = measure ?? (await loadMeasure());
  if (measureSpeed === undefined) return undefined;
  const { imagesPerSecond } = await measureSpeed(recipe, dataset);
  const { epochs } = recipe.student;
  return { recipe: name, imagesPerSecond, epochs, seconds: (images * epochs) / imagesPerSecond };
}

async function loadMeasure(): Promise<MeasureTrainingSpeed | undefined> {
  const file = new URL('../training/measure-speed.js', import.meta.url);
  if (!existsSync(file)) return undefined;
  return ((await import(file.href)) as { measureTrainingSpeed: MeasureTrainingSpeed }).measureTrainingSpeed;
}

/** Estimates the time of a training on this machine from a few seconds of it. */
import type { Dataset } from '../data/dataset.js';
import { measureTrainingSpeed, type TrainingSpeed } from '../training/measure-speed.js';
import type { ChosenRecipe } from './choose-recipe.js';

/** Measures speeds, as `measureTrainingSpeed` does. */
export type MeasureTrainingSpeed = (
  ...args: Parameters<typeof measureTrainingSpeed>
) => Promise<Pick<TrainingSpeed, 'imagesPerSecond' | 'teacherImagesPerSecond'>>;

export interface TrainingPart {
  readonly imagesPerSecond: number;
  readonly epochs: number;
  /** Time of all epochs, without evaluations. */
  readonly seconds: number;
}

export interface TrainingTime {
  readonly recipe: string;
  readonly teacher: TrainingPart;
  readonly student: TrainingPart;
}

export interface TrainingTimeOptions {
  /** Images per epoch. */
  readonly images: number;
  readonly measure?: MeasureTrainingSpeed;
  readonly signal?: AbortSignal;
}

/** Trains for some seconds on `dataset`. Throws what is wrong with recipe or images, and the signal's reason. */
export async function trainingTime(
  { recipe, name }: ChosenRecipe,
  dataset: Dataset,
  { images, measure = measureTrainingSpeed, signal }: TrainingTimeOptions,
): Promise<TrainingTime> {
  const { imagesPerSecond, teacherImagesPerSecond } = await measure(recipe, dataset, { signal });
  const part = (rate: number, { epochs }: { epochs: number }): TrainingPart => ({
    imagesPerSecond: rate,
    epochs,
    seconds: (images * epochs) / rate,
  });
  return {
    recipe: name,
    teacher: part(teacherImagesPerSecond, recipe.teacher),
    student: part(imagesPerSecond, recipe.student),
  };
}

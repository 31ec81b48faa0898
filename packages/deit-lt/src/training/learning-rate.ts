/** The learning rate of a training at each place, from its recipe. */
import { learningRate, scaledLearningRate } from '../optim/schedules.js';
import type { TrainingRecipe } from '../recipe/schema.js';

/** Returns the peak learning rate of the schedule, for the effective batch: `lr · batch / lrPer`, over all shards. */
export function baseLearningRate({
  optimizer,
  batchSize,
  accumulation,
  shards,
}: Pick<TrainingRecipe, 'optimizer' | 'batchSize' | 'accumulation' | 'shards'>): number {
  return scaledLearningRate(optimizer.lr, { ...optimizer, batchSize, accumulation, world: shards });
}

/** Returns the learning rate of a batch: `batch` of the `batches` of `epoch`, all from 0. */
export function learningRateAt(
  recipe: TrainingRecipe,
  place: { readonly epoch: number; readonly batch: number; readonly batches: number },
): number {
  const span = { lr: baseLearningRate(recipe), epochs: recipe.epochs };
  return learningRate(recipe.schedule, span, { ...place, accumulation: recipe.accumulation });
}

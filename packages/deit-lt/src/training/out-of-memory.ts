/** Lack of memory in a training: how it is recognised, and what the user can change. */
import { UserError } from '../errors.js';
import type { Placement } from '../recipe/device.js';
import type { TeacherRecipe, TrainingRecipe } from '../recipe/schema.js';
import { type PartName, partName, type TrainingKind } from '../recipe/training-kind.js';

/** Returns whether the engine had too little memory, of the processor or of a card. */
export function isOutOfMemory(error: unknown): error is Error {
  return error instanceof Error && error.name === 'TorchError' && 'code' in error && error.code === 'OUT_OF_MEMORY';
}

interface Training {
  readonly kind: TrainingKind;
  readonly recipe: TrainingRecipe;
  readonly placement: Placement;
}

/** Returns the error that says which batches were too large, and which values of the recipe keep an update as it is with smaller ones. */
export function outOfMemory(error: Error, { kind, recipe, placement }: Training): UserError {
  const part = partName(kind);
  return new UserError('OUT_OF_MEMORY', `out of memory: ${error.message}`, {
    cause: error,
    lines: [
      `The ${kind} trains on ${placement.device} with batches of ${recipe.batchSize} images of ${recipe.imageSize} × ${recipe.imageSize} pixels.`,
      advice(part, recipe),
    ],
  });
}

function advice(part: PartName, recipe: TrainingRecipe): string {
  const { batchSize, imageSize } = recipe;
  if (batchSize === 1)
    return `Use smaller images or a smaller network: --set ${part}.imageSize=${Math.ceil(imageSize / 2)}`;
  const more = batchesOfUpdate(recipe);
  const smaller = `--set ${part}.batchSize=${Math.ceil(batchSize / 2)} ${part}.${more}=${2 * recipe[more]}`;
  const images = batchSize * recipe.accumulation * recipe.shards;
  const exact = batchSize % 2 === 0 ? `an update still has ${images} images` : 'an update has nearly as many images';
  return `Use smaller batches and more of them for each update: ${smaller} (${exact}), or let --fit-memory find the largest that fit.`;
}

/** The value of a recipe that adds up more batches for an update. SAM repeats the batches of an update, which shards have at hand. */
export function batchesOfUpdate(recipe: TrainingRecipe): 'accumulation' | 'shards' {
  const { sam } = recipe as Partial<TeacherRecipe>;
  return sam !== undefined && sam.rho > 0 ? 'shards' : 'accumulation';
}

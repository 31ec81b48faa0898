/** The network that a recipe's part describes, for what is trained. */
import type * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { ImageModel } from '../models/model.js';
import { createModel, modelOptionNames } from '../models/registry.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import { partName, type TrainingKind } from '../recipe/training-kind.js';

/**
 * A new model with random weights. A plain ViT is the student's network without the DIST token. Throws UserError RECIPE, with
 * the recipe's keys, for options that do not go together.
 */
export function modelOf(
  kind: TrainingKind,
  { model, imageSize }: Pick<TrainingRecipe, 'model' | 'imageSize'>,
  numClasses: number,
  { device }: { readonly device?: torch.Device } = {},
): ImageModel {
  const { name, ...options } = model;
  const own = kind === 'vit' ? plainName(name) : name;
  try {
    return createModel(own, { ...options, numClasses, imageSize, ...(device !== undefined && { device }) });
  } catch (error) {
    throw error instanceof UserError && error.code === 'RECIPE' ? withKeys(error, kind, own) : error;
  }
}

/** Writes options of a network as `--set` has them: `student.imageSize`, `student.model.patchSize`. */
function withKeys(error: UserError, kind: TrainingKind, name: string): UserError {
  const part = partName(kind);
  const options = optionsOf(name);
  if (options.length === 0) return error;
  const words = new RegExp(`(?<![\\w.])(${['imageSize', ...options].join('|')})\\b`, 'g');
  const message = error.message.replace(words, (word) =>
    word === 'imageSize' ? `${part}.imageSize` : `${part}.model.${word}`,
  );
  return new UserError(error.code, message, { cause: error });
}

function optionsOf(name: string): readonly string[] {
  try {
    return modelOptionNames(name);
  } catch {
    return []; // a name that no network has
  }
}

/** `deit_base_distilled_patch16_224` → `deit_base_patch16_224`, `deit` → `vit`. */
export function plainName(name: string): string {
  return name === 'deit' ? 'vit' : name.replace('_distilled', '');
}

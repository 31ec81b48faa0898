/** The network that a recipe's part describes, for what is trained. */
import type { ImageModel } from '../models/model.js';
import { createModel } from '../models/registry.js';
import type { TrainingRecipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';

/** A new model with random weights. A plain ViT is the student's network without the DIST token. */
export function modelOf(
  kind: TrainingKind,
  { model, imageSize }: Pick<TrainingRecipe, 'model' | 'imageSize'>,
  numClasses: number,
): ImageModel {
  const { name, ...options } = model;
  return createModel(kind === 'vit' ? plainName(name) : name, { ...options, numClasses, imageSize });
}

/** `deit_base_distilled_patch16_224` → `deit_base_patch16_224`, `deit` → `vit`. */
export function plainName(name: string): string {
  return name === 'deit' ? 'vit' : name.replace('_distilled', '');
}

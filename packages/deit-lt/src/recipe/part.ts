/** The part of a recipe that a training follows. */
import type { Recipe, StudentRecipe, TeacherRecipe } from './schema.js';
import { partName, type TrainingKind } from './training-kind.js';

/** Returns the part of `recipe` that describes a training of `kind`: that of the teacher, or that of the student. */
export function partOf(config: {
  readonly kind: TrainingKind;
  readonly recipe: Recipe;
}): TeacherRecipe | StudentRecipe {
  return config.recipe[partName(config.kind)];
}

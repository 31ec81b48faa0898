/** The logit scale (inverse temperature): the factor of a network's logits before the softmax. */
import { lossRegistry } from '../losses/registry.js';
import type { TeacherRecipe, TrainingRecipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import { taskRegistry } from '../tasks/registry.js';

/** The properties of a classifier that its logit scale depends on. */
interface ScaledModel {
  readonly kind: TrainingKind;
  readonly recipe: TrainingRecipe;
  readonly logitScale?: number;
}

/**
 * The logit scale that the model's file says, else that of its training: LDAM's scale of cosines, PaCo's temperature; 1
 * where the loss has none.
 */
export function logitScale({ kind, recipe, ...said }: ScaledModel): number {
  if (said.logitScale !== undefined) return said.logitScale;
  if (kind !== 'teacher') return 1;
  const { name, ...options } = (recipe as TeacherRecipe).loss;
  const entry = taskRegistry.get(name) ?? lossRegistry.get(name);
  return entry?.logitScale?.(options) ?? 1;
}

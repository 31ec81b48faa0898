/** The logit scale (inverse temperature): the factor of a network's logits before the softmax. */
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import type { TrainingKind } from '../runs/reporter.js';

/** LDAM's own default. */
const ldamScale = 30;

/** Of a classifier, what its logit scale depends on. */
interface ScaledModel {
  readonly kind: TrainingKind;
  readonly recipe: TrainingRecipe;
  readonly logitScale?: number;
}

/**
 * The logit scale that the model's file says, else that of its training: LDAM's scale of cosines, PaCo's temperature; 1 for
 * all others.
 */
export function logitScale({ kind, recipe, ...said }: ScaledModel): number {
  if (said.logitScale !== undefined) return said.logitScale;
  if (kind !== 'teacher') return 1;
  const { loss, paco } = recipe as Recipe['teacher'];
  if (loss.name === 'ldam') return loss.scale ?? ldamScale;
  return loss.name === 'paco' ? 1 / paco.classTemperature : 1;
}

/** The logit scale (inverse temperature): the factor of a network's logits before the softmax. */
import type { Recipe } from '../recipe/schema.js';
import type { AnyClassifier } from './classifier.js';

/** LDAM's own default. */
const ldamScale = 30;

/**
 * The logit scale that the model's file says, else that of its training: LDAM's scale of cosines, PaCo's temperature; 1 for
 * all others.
 */
export function logitScale({ kind, recipe, ...said }: Pick<AnyClassifier, 'kind' | 'recipe' | 'logitScale'>): number {
  if (said.logitScale !== undefined) return said.logitScale;
  if (kind !== 'teacher') return 1;
  const { loss, paco } = recipe as Recipe['teacher'];
  if (loss.name === 'ldam') return loss.scale ?? ldamScale;
  return loss.name === 'paco' ? 1 / paco.classTemperature : 1;
}

/** By what a network's logits are multiplied before they are probabilities. */
import type { Recipe } from '../recipe/schema.js';
import type { AnyClassifier } from './classifier.js';

/** LDAM's own default. */
const ldamScale = 30;

/** The factor with which a teacher was trained: LDAM's scale of cosines, PaCo's temperature; 1 for all others. */
export function logitScale({ kind, recipe }: Pick<AnyClassifier, 'kind' | 'recipe'>): number {
  if (kind !== 'teacher') return 1;
  const { loss, paco } = recipe as Recipe['teacher'];
  if (loss.name === 'ldam') return loss.scale ?? ldamScale;
  return loss.name === 'paco' ? 1 / paco.classTemperature : 1;
}

/** Opens the model that a command's first argument names, as its options say. */
import { type Classifier, openClassifier } from '../training/classifier.js';
import type { Options } from './option-table.js';

/** Throws what `openClassifier` throws. */
export function openModel(model: string, { which, weights, set }: Options): Promise<Classifier> {
  return openClassifier(model, { ...(which && { which }), ...(weights && { weights }), ...(set && { settings: set }) });
}

/** Opens the model that a command's first argument names, as its options say. */
import { openAnyClassifier } from '../classifier/any-classifier.js';
import {
  type AnyClassifier,
  type Classifier,
  type OpenClassifierOptions,
  openClassifier,
} from '../classifier/classifier.js';
import type { Options } from './option-table.js';

/** Throws what `openClassifier` throws. */
export function openModel(model: string, options: Options): Promise<Classifier> {
  return openClassifier(model, openOptions(options));
}

/** Also an ONNX model. Throws what `openAnyClassifier` throws. */
export function openAnyModel(model: string, options: Options): Promise<AnyClassifier> {
  return openAnyClassifier(model, openOptions(options));
}

function openOptions({ which, weights, set }: Options): OpenClassifierOptions {
  return { ...(which && { which }), ...(weights && { weights }), ...(set && { settings: set }) };
}

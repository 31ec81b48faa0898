/** Opens the model that a command's first argument names, as its options say. */
import { withAdaptation } from '../classifier/adapted-logits.js';
import { openAnyClassifier } from '../classifier/any-classifier.js';
import {
  type AnyClassifier,
  type Classifier,
  type OpenClassifierOptions,
  openClassifier,
} from '../classifier/classifier.js';
import type { Recipe } from '../recipe/schema.js';
import type { Options } from './option-table.js';

/** Throws what `openClassifier` throws. */
export function openModel(model: string, options: Options): Promise<Classifier> {
  return openClassifier(model, weightsOptions(options));
}

/**
 * For commands that write the model for others: with the adaptation beside it unless `--no-adaptation` is given. Throws
 * what `openClassifier` throws, and UserError ADAPTATION.
 */
export async function openModelForOthers(model: string, options: Options): Promise<Classifier> {
  const classifier = await openModel(model, options);
  return options.adaptation === false ? classifier : withAdaptation(classifier);
}

/** Also an ONNX model, as it was trained. Throws what `openAnyClassifier` throws. */
export function openAnyModel(model: string, options: Options): Promise<AnyClassifier> {
  return openAnyClassifier(model, openOptions(options));
}

/** Also an ONNX model, with the adaptation beside it unless `--no-adaptation` is given. Throws what `openAnyClassifier` throws. */
export function openAdaptedModel(model: string, options: Options): Promise<AnyClassifier> {
  return openAnyClassifier(model, { ...openOptions(options), adaptation: options.adaptation ?? true });
}

/** For commands that compute: also in which precision. */
export function openOptions(options: Options): OpenClassifierOptions {
  const { precision } = options;
  return { ...weightsOptions(options), ...(precision && { precision: precision as Recipe['precision'] }) };
}

/** For commands that write the weights, whose `--precision` is the file's. */
function weightsOptions({ which, weights, set }: Options): OpenClassifierOptions {
  return { ...(which && { which }), ...(weights && { weights }), ...(set && { settings: set }) };
}

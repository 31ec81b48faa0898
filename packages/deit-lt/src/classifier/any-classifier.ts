/** Opens trained models of any format, for callers that only need logits. */
import { existsSync } from 'node:fs';
import { UserError } from '../errors.js';
import { isOnnx } from '../onnx/onnx-files.js';
import { withAdaptation } from './adapted-logits.js';
import { type AnyClassifier, type OpenClassifierOptions, openClassifier } from './classifier.js';

export interface OpenAnyOptions extends OpenClassifierOptions {
  /** Applies the adaptation beside the model, where there is one. Default false: the model as it was trained. */
  readonly adaptation?: boolean;
}

/**
 * Opens a model as `openClassifier` does (see there), or an ONNX model, recognised by the extension `.onnx`. With
 * `adaptation` also throws UserError ADAPTATION.
 */
export async function openAnyClassifier(path: string, options: OpenAnyOptions = {}): Promise<AnyClassifier> {
  const classifier = await openAsTrained(path, options);
  return options.adaptation === true ? withAdaptation(classifier) : classifier;
}

async function openAsTrained(path: string, options: OpenClassifierOptions): Promise<AnyClassifier> {
  if (!existsSync(path))
    throw new UserError(
      'RUN_FOLDER',
      `${path} does not exist; expected a run folder, a checkpoint (.safetensors, .pth, .pt) or an ONNX model (.onnx).`,
    );
  if (!isOnnx(path)) return openClassifier(path, options);
  const { openOnnxClassifier } = await import('./onnx-classifier.js');
  return openOnnxClassifier(path, options);
}

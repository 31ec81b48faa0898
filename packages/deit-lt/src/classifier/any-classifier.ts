/** Opens trained models of any format, for callers that only need logits. */
import { existsSync } from 'node:fs';
import { isOnnx } from '../onnx/onnx-files.js';
import { type AnyClassifier, type OpenClassifierOptions, openClassifier } from './classifier.js';

/** Opens a model as `openClassifier` does (see there), or an ONNX model, recognised by the extension `.onnx`. */
export async function openAnyClassifier(path: string, options: OpenClassifierOptions = {}): Promise<AnyClassifier> {
  if (!isOnnx(path) || !existsSync(path)) return openClassifier(path, options);
  const { openOnnxClassifier } = await import('./onnx-classifier.js');
  return openOnnxClassifier(path, options);
}

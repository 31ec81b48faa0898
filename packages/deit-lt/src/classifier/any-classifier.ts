/** A trained model of any format, where its logits are all that is wanted. */
import { existsSync } from 'node:fs';
import { isOnnx } from '../onnx/onnx-files.js';
import { type AnyClassifier, type OpenClassifierOptions, openClassifier } from './classifier.js';

/** As `openClassifier` (see there), and ONNX models, which are known by their ending `.onnx`. */
export async function openAnyClassifier(path: string, options: OpenClassifierOptions = {}): Promise<AnyClassifier> {
  if (!isOnnx(path) || !existsSync(path)) return openClassifier(path, options);
  const { openOnnxClassifier } = await import('./onnx-classifier.js');
  return openOnnxClassifier(path, options);
}

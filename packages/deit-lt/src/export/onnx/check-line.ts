/** Describes the difference between an ONNX model and its original in one line. */
import { type OnnxCheck, precisionNames } from './check.js';
import type { OnnxPrecision } from './graph-builder.js';

/** `check` is undefined when onnxruntime-node is not installed. */
export function checkLine(precision: OnnxPrecision, check: OnnxCheck | undefined): string {
  return check === undefined
    ? `${precisionNames[precision]}: written, but not checked: the optional package onnxruntime-node is not installed (npm install onnxruntime-node).`
    : `${precisionNames[precision]}: run on ${check.images} images; largest difference ${(100 * check.difference).toPrecision(2)} % of the largest logit, the same class for ${Math.round(check.sameClass * check.images)}`;
}

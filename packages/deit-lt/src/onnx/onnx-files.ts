/** Recognises ONNX models by their name. Loads nothing, because it is called for every model that is opened. */
import { UserError } from '../errors.js';

/** Returns whether a file is an ONNX model by its name. */
export function isOnnx(file: string): boolean {
  return /\.onnx$/i.test(file);
}

/** The error of commands that need the weights of a network. */
export function noNetwork(file: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file} is an ONNX model, which only eval, predict and --teacher can use. Give the checkpoint from which it was exported.`,
  );
}

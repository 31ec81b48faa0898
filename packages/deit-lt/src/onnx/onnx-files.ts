/** ONNX models among other checkpoints. Loads nothing: it is asked of every model that is opened. */
import { UserError } from '../errors.js';

/** Whether a file is an ONNX model by its name. */
export function isOnnx(file: string): boolean {
  return /\.onnx$/i.test(file);
}

/** Where a network is needed of which the weights can be read and written. */
export function noNetwork(file: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file} is an ONNX model, which only eval, predict, export and --teacher can use. Give the checkpoint from which it was exported.`,
  );
}

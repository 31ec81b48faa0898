/**
 * The interface of a loss, and helpers that several losses share: checks of targets, and numbers per class as tensors.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';

/**
 * Logits `[B, C]` of any floating dtype, and either labels `[B]` (int64) or soft targets `[B, C]`, to the mean loss
 * `[]` in float32. Losses that accept only labels declare it, and throw `TypeError` for soft targets.
 */
export type Loss = (logits: torch.Tensor, targets: torch.Tensor) => torch.Tensor;

/** Options of every loss with class weights. */
export interface WeightOptions {
  /** A factor for each class, as `classWeights` gives them. Default null: all 1. */
  weights?: readonly number[] | null;
}

/** Losses are computed in float32, or in float64 when the logits are: bfloat16 has two to three digits. */
export function inFullPrecision(logits: torch.Tensor): torch.Tensor {
  return logits.dtype === 'float64' ? logits : logits.float();
}

/** Throws `TypeError` unless `targets` are labels `[B]`. */
export function requireLabels(targets: torch.Tensor, loss: string): void {
  if (targets.dtype === 'int64' && targets.ndim === 1) return;
  const got = `${targets.dtype} [${targets.shape.join(', ')}]`;
  throw new TypeError(`${loss}: expected labels, int64 [B], got ${got}; it has no form for mixed targets`);
}

/** Gives numbers per class as a tensor `[C]` with the device and dtype of `like`. */
export type ClassVector = (like: torch.Tensor) => torch.Tensor;

/** Makes the tensor once for each device and dtype, outside of all scopes. */
export function classVector(values: readonly number[]): ClassVector {
  const made = new Map<string, torch.Tensor>();
  return (like) => {
    const { device, dtype } = like;
    const key = `${device} ${dtype}`;
    let vector = made.get(key);
    if (vector === undefined) {
      vector = torch.keep(torch.tensor(values, { dtype, device }));
      made.set(key, vector);
    }
    return vector;
  };
}

/** The same for class weights that may be absent: then it gives null. */
export function weightVector(
  weights: readonly number[] | null | undefined,
): (like: torch.Tensor) => torch.Tensor | null {
  return weights === null || weights === undefined ? () => null : classVector(weights);
}

/**
 * Throws `UserError` (DATA_CLASSES) that names the first class without training images, for which `what` is not
 * defined.
 */
export function requireImages(counts: ArrayLike<number>, what: string): void {
  const empty = Array.from(counts).findIndex((count) => !(count > 0));
  if (empty === -1) return;
  throw new UserError(
    'DATA_CLASSES',
    `${what} needs at least one training image of each class, and class ${empty} has none. Add images of it, or remove the class from the data.`,
  );
}

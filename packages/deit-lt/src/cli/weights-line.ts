/** Says which weights of a run a command uses. */
import path from 'node:path';
import type { AnyClassifier } from '../classifier/classifier.js';
import type { Options } from './option-table.js';

/**
 * Returns `weights: best checkpoint, epoch 12, averaged (EMA) (runs/x/checkpoints/best.safetensors)`; no line for a file that is
 * not a checkpoint of a run: it has one kind of weights.
 */
export function weightsLines(
  { file, epoch, recipe }: Pick<AnyClassifier, 'file' | 'epoch' | 'recipe'>,
  { weights = recipe.weights }: Pick<Options, 'weights'>,
): string[] {
  const which = /^(best|last)\.safetensors$/.exec(path.basename(file))?.[1];
  if (which === undefined) return [];
  const kind = weights === 'ema' ? 'averaged (EMA)' : 'as trained, without averaging';
  return [`weights: ${which} checkpoint${epoch === null ? '' : `, epoch ${epoch + 1}`}, ${kind} (${file})`];
}

/**
 * Checks the outputs of networks: a network of the registry always returns logits, a user's own may return anything.
 */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';

/**
 * Returns `output` when it is logits `[B, numClasses]`. Throws `UserError` (PLUGIN) that names the recipe's `part` for
 * all else.
 */
export function requireLogits(output: unknown, part: string, numClasses: number): torch.Tensor {
  if (output instanceof torch.Tensor && output.ndim === 2 && output.size(1) === numClasses) return output;
  const got = output instanceof torch.Tensor ? `shape [${output.shape.join(', ')}]` : describe(output);
  throw new UserError('PLUGIN', `${part}.model must return logits [B, ${numClasses}], and returned ${got}.`);
}

const describe = (output: unknown): string => (Array.isArray(output) ? `a list of ${output.length}` : String(output));

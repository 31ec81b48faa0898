/** Weights that are not numbers make every prediction NaN: they are refused where they are read. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';

/**
 * Throws UserError CHECKPOINT that names the first tensor of `tensors` with NaN or infinity. One pass over the weights.
 */
export function requireFinite(tensors: ReadonlyMap<string, torch.Tensor>, file: string): void {
  for (const [name, tensor] of tensors) if (!hasOnlyNumbers(tensor)) throw notFinite(name, file);
}

/** The message about weights in any format. */
export function notFinite(name: string, file: string): UserError {
  return new UserError(
    'CHECKPOINT',
    `${file}: the weights ${name} contain NaN or infinity; expected finite numbers. The training that wrote it diverged: use an earlier checkpoint, or train again with a lower learning rate.`,
  );
}

/** A sum is one pass without memory; it may overflow where all numbers are finite, so then each is checked. */
function hasOnlyNumbers(tensor: torch.Tensor): boolean {
  if (!tensor.isFloatingPoint()) return true;
  return torch.noGrad(() =>
    torch.tidy(() => {
      const values = tensor.dtype === 'float64' ? tensor.float() : tensor; // as a network gets them
      return Number.isFinite(values.sum().toNumber()) || values.isfinite().all().item() === true;
    }),
  );
}

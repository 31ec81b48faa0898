/** Sums in one fixed order: floating-point sums depend on it, and equal bits depend on them. */
import type * as torch from '@deit-lt/torch';

/** Returns the sum of the rows of a tensor from the first one on, `[rows, numel]` → `[numel]`. In the open scope. */
export function orderedSum(rows: torch.Tensor): torch.Tensor {
  const [first, ...others] = rows.unbind(0);
  const sum = first!.clone();
  for (const row of others) sum.add_(row);
  return sum;
}

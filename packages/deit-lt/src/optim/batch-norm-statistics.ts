/** Passes through a network that leave its batch-norm statistics as they are: SAM's second one. */
import * as torch from '@deit-lt/torch';

type Statistics = 'runningMean' | 'runningVar' | 'numBatchesTracked';
const names: readonly Statistics[] = ['runningMean', 'runningVar', 'numBatchesTracked'];

/** `readonly` is for users; here the buffers are out of sight for a moment. */
type Exposed = { -readonly [K in Statistics]: torch.Tensor | null };

/**
 * Runs `fn` while the batch norms in `modules` that are in training normalise by their batch and record nothing. The
 * running statistics are out of sight meanwhile, so `fn` must not read a module's state dict. Gives what `fn` gives.
 */
export function withFrozenBatchNormStatistics<R>(
  modules: torch.nn.AnyModule | readonly torch.nn.AnyModule[],
  fn: () => R,
): R {
  const hidden: [norm: Exposed, buffers: (torch.Tensor | null)[]][] = [];
  for (const norm of [modules].flat().flatMap((module) => module.modules())) {
    if (!(norm instanceof torch.nn.BatchNorm) || !norm.training) continue;
    const exposed = norm as Exposed;
    hidden.push([exposed, names.map((name) => exposed[name])]);
    for (const name of names) exposed[name] = null;
  }
  try {
    return fn();
  } finally {
    for (const [norm, buffers] of hidden)
      names.forEach((name, i) => {
        norm[name] = buffers[i]!;
      });
  }
}

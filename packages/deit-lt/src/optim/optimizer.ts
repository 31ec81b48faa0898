/** The optimizer that a recipe names. */
import * as torch from '@deit-lt/torch';
import { UserError } from '../errors.js';
import type { Learning, OptimizerChoice, ScheduledOptimizer } from './optimizer-entry.js';
import { optimizerRegistry } from './registry.js';

/**
 * Makes the optimizer of what `learning` has to train. `lr` is the learning rate before any schedule. Throws `UserError` (PLUGIN) if
 * the entry of a plugin makes something else.
 */
export function createOptimizer(
  learning: Learning,
  { name, lrPer: _, lrRule: __, clipGradNorm: ___, ...options }: OptimizerChoice,
  lr: number,
): ScheduledOptimizer {
  const made: unknown = optimizerRegistry.find(name).create(learning, { ...options, lr });
  if (made instanceof torch.optim.Optimizer) return made as ScheduledOptimizer;
  throw new UserError(
    'PLUGIN',
    `the optimizer "${name}" cannot be used: create must return a torch.optim.Optimizer, and returned ${String(made)}.`,
  );
}

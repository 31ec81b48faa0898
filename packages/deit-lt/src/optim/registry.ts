/** All optimizers by the names that recipes use. A new one is a file that declares its entry, and a line here. */
import type { z } from 'zod';
import { Registry } from '../registry.js';
import { adamwEntry, lambEntry } from './adaptive.js';
import { muonEntry } from './muon.js';
import { type OptimizerEntry, optimizerEntry, optimizerKeys } from './optimizer-entry.js';
import { sgdEntry } from './sgd.js';

export const optimizerRegistry = new Registry<OptimizerEntry>('optimizer', {
  sharedOptions: 'same schema',
  reserved: [...Object.keys(optimizerKeys.before), ...Object.keys(optimizerKeys.after)],
});

for (const entry of [sgdEntry, adamwEntry, lambEntry, muonEntry]) optimizerRegistry.add(entry);

/**
 * Adds an optimizer, so that recipes can name it in `teacher.optimizer` and `student.optimizer`. Throws `UserError` (PLUGIN) for an
 * entry that lacks something or whose options have a key that all optimizers have, and for a name that is taken.
 */
export function registerOptimizer<O extends z.ZodObject>(entry: OptimizerEntry<O>): void {
  optimizerRegistry.add(optimizerEntry(entry));
}

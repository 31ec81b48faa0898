/** All losses by the names that recipes use. A new one is a file that declares its entry, and a line here. */
import * as torch from '@deit-lt/torch';
import type { z } from 'zod';
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { Registry } from '../registry.js';
import { balancedSoftmaxEntry } from './balanced-softmax.js';
import { bceEntry } from './bce.js';
import { crossEntropyEntry } from './cross-entropy.js';
import { focalEntry } from './focal.js';
import { ldamEntry } from './ldam.js';
import { logitAdjustmentEntry } from './logit-adjustment.js';
import type { Loss, WeightOptions } from './loss.js';
import { type LossEntry, lossEntry } from './loss-entry.js';
import { vsEntry } from './vs.js';

/** Names that `teacher.loss` may have; those of tasks are beside them. */
export const teacherLossNames = new Set<string>();

export const lossRegistry = new Registry<LossEntry>('loss', { taken: teacherLossNames });

for (const entry of [
  ldamEntry,
  crossEntropyEntry,
  focalEntry,
  vsEntry,
  balancedSoftmaxEntry,
  logitAdjustmentEntry,
  bceEntry,
])
  lossRegistry.add(entry);

/** The names of all losses, those of plugins included. */
export function lossNames(): string[] {
  return lossRegistry.names();
}

/**
 * Adds a loss, so that recipes can name it in `teacher.loss` and, if it takes mixed labels, in `student.clsLoss`. Throws
 * `UserError` (PLUGIN) for an entry that lacks something, and for a name that is taken.
 */
export function registerLoss<O extends z.ZodObject>(entry: LossEntry<O>): void {
  lossRegistry.add(lossEntry(entry));
}

/** Options of a loss as a recipe gives them, and its class weights. */
export type LossOptions = WeightOptions & Readonly<Record<string, unknown>>;

/**
 * Returns the loss `name` for classes with `counts` training images; options that are undefined take the entry's defaults.
 * Deferred re-weighting is the same call once more, with `weights: classWeights(counts, beta)`.
 * Throws `UserError` for an unknown name or option and a value out of its limits (RECIPE), and for a class without images
 * where the loss needs some (DATA_CLASSES).
 */
export function createLoss(name: string, counts: ArrayLike<number>, options: LossOptions = {}): Loss {
  const entry = lossRegistry.find(name);
  const { weights = null, ...given } = options;
  const known = Object.keys(entry.options.shape);
  const unknown = Object.keys(given).find((key) => given[key] !== undefined && !known.includes(key));
  if (unknown !== undefined)
    throw new UserError('RECIPE', `the loss "${name}" has no option "${unknown}"; ${suggest(unknown, known)}`);
  const result = entry.options.safeParse(given);
  if (!result.success) throw wrongOption(name, result.error.issues);
  return checkedLoss(name, entry.create(counts, { ...result.data, weights }));
}

function wrongOption(name: string, [issue]: readonly z.core.$ZodIssue[]): UserError {
  return new UserError('RECIPE', `the loss "${name}": ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Throws `UserError` (PLUGIN) if a loss is not a function or does not return a scalar. */
function checkedLoss(name: string, loss: unknown): Loss {
  if (typeof loss !== 'function') throw notALoss(name, 'create must return a function (logits, targets) => loss');
  return (logits, targets) => {
    const value: unknown = (loss as Loss)(logits, targets);
    if (value instanceof torch.Tensor && value.ndim === 0) return value;
    const got = value instanceof torch.Tensor ? `shape [${value.shape.join(', ')}]` : String(value);
    throw notALoss(name, `it must return the mean loss, a tensor of shape [], and returned ${got}`);
  };
}

function notALoss(name: string, why: string): UserError {
  return new UserError('PLUGIN', `the loss "${name}" cannot be used: ${why}.`);
}

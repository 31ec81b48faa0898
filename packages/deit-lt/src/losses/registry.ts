/** Losses by the names that recipes have for them. A new one is a file and a line here. */
import { UserError } from '../errors.js';
import { suggest } from '../nearest.js';
import { balancedSoftmax } from './balanced-softmax.js';
import { bce } from './bce.js';
import { crossEntropy } from './cross-entropy.js';
import { focal } from './focal.js';
import { ldam } from './ldam.js';
import { logitAdjustment } from './logit-adjustment.js';
import type { Loss, WeightOptions } from './loss.js';
import { vs } from './vs.js';

/** Options of all losses; each takes those that it has, with its own defaults. */
export interface LossOptions extends WeightOptions {
  maxMargin?: number | undefined;
  scale?: number | undefined;
  gamma?: number | undefined;
  tau?: number | undefined;
  labelSmoothing?: number | undefined;
  threshold?: number | null | undefined;
  published?: boolean | undefined;
}

/** Makes a loss for classes with `counts` training images. */
export type LossFactory = (counts: ArrayLike<number>, options: LossOptions) => Loss;

export const losses = {
  ldam,
  'cross-entropy': (_, options) => crossEntropy(options),
  focal: (_, options) => focal(options),
  vs,
  'balanced-softmax': balancedSoftmax,
  'logit-adjustment': logitAdjustment,
  bce: (_, options) => bce(options),
} satisfies Record<string, LossFactory>;

export type LossName = keyof typeof losses;
export const lossNames = Object.keys(losses) as LossName[];

/**
 * The loss `name` for classes with `counts` training images. Deferred re-weighting is the same call once more, with
 * `weights: classWeights(counts, beta)`.
 * Throws `UserError` for an unknown name (RECIPE), and for a class without images where the loss needs some (DATA_CLASSES).
 */
export function createLoss(name: string, counts: ArrayLike<number>, options: LossOptions = {}): Loss {
  if (!Object.hasOwn(losses, name))
    throw new UserError('RECIPE', `loss.name: unknown loss "${name}"; ${suggest(name, lossNames)}`);
  const factory: LossFactory = losses[name as LossName];
  return factory(counts, options);
}

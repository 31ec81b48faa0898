/** Returns the options with which a recipe mixes the batches of an epoch. */
import type { MixBatchOptions } from '../augment/mixup.js';
import type { StudentRecipe } from '../recipe/schema.js';

export interface MixingPlan {
  readonly mixing: StudentRecipe['mixing'];
  /** Part of a label that is spread evenly over all classes. */
  readonly smoothing: number;
}

/**
 * Returns the mixing of an epoch. In the published phase of re-weighting (`inDrw`) mixing and label smoothing are off;
 * from `untilEpoch` on, only mixing is off.
 */
export function mixingIn(
  epoch: number,
  inDrw: boolean,
  { mixing, smoothing }: MixingPlan,
): Omit<MixBatchOptions, 'numClasses' | 'random'> {
  const { mode, probability, switchProbability, correctLambda, untilEpoch } = mixing;
  const on = !inDrw || mixing.inDrw;
  return {
    mode,
    mixupAlpha: mixing.mixup,
    cutmixAlpha: mixing.cutmix,
    cutmixMinMax: mixing.cutmixMinMax ?? undefined,
    probability: on && (untilEpoch === null || epoch < untilEpoch) ? probability : 0,
    switchProbability,
    correctLambda,
    smoothing: on ? smoothing : 0,
  };
}

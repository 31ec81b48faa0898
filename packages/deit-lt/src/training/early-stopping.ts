/**
 * Early stopping: a training ends when its validation score stays as it was for some epochs (L. Prechelt, "Early stopping – but
 * when?", 1998; `patience` and `minDelta` as in Keras). Epochs count from the first re-weighted one on: before it, the accuracy of the
 * tail has yet to come.
 */
import type { Recipe, TrainingRecipe } from '../recipe/schema.js';
import type { TrainingKind } from '../recipe/training-kind.js';
import type { SavedStopping } from '../runs/training-state.js';

type Settings = NonNullable<Recipe['evaluation']['earlyStopping']>;

/** An evaluation on the validation images. */
export interface Scored {
  /** From 0. */
  readonly epoch: number;
  /** Mean of the class accuracies in %. */
  readonly score: number;
  /** Whether the epoch had its re-weighted losses, or the training has none. */
  readonly counts: boolean;
}

/** Returns the state after an evaluation: the last epoch that rose enough, and whether the training ends with this one. */
export function afterEvaluation(
  { patience, minDelta }: Settings,
  before: SavedStopping | undefined,
  { epoch, score, counts }: Scored,
): SavedStopping {
  const best = Math.max(score, before?.score ?? score);
  if (before === undefined || !counts || score > before.score + minDelta) return { epoch, score: best, ended: false };
  return { ...before, ended: epoch - before.epoch >= patience };
}

/** Returns whether the epochs before re-weighting are left out of the count: those of a training that has re-weighted ones. */
export function waitsForReweighting(drwEpoch: number | null, { epochs }: Pick<TrainingRecipe, 'epochs'>): boolean {
  return drwEpoch !== null && drwEpoch < epochs;
}

export interface EarlyEnd {
  readonly kind: TrainingKind;
  /** Epochs that were trained, and those of the recipe. */
  readonly trained: number;
  readonly epochs: number;
  readonly settings: Settings;
  readonly best: { readonly epoch: number; readonly score: number };
}

/** Returns the sentence that says why a training ended. */
export function earlyEndNote({ kind, trained, epochs, settings: { patience, minDelta }, best }: EarlyEnd): string {
  const enough = minDelta === 0 ? '' : ` by more than ${minDelta} ${minDelta === 1 ? 'point' : 'points'}`;
  const wait = `${patience} ${patience === 1 ? 'epoch' : 'epochs'}`;
  return `${kind}: ended after ${trained} of ${epochs} epochs, because the mean of the class accuracies on the validation images had not risen${enough} for ${wait} (evaluation.earlyStopping); the best was ${best.score.toFixed(1)} % after epoch ${best.epoch + 1}`;
}

/** Applies an adaptation to the outputs of a model. */
import * as torch from '@deit-lt/torch';
import { isSameOrder } from '../by-class.js';
import type { AppliedAdaptation } from '../description/applied-adaptation.js';
import { UserError } from '../errors.js';
import type { OutputLogits } from '../evaluation/evaluate.js';
import type { DecisionRules } from '../evaluation/ranking.js';
import { type Adaptation, adaptCommand, readAdaptation } from './adaptation.js';
import type { AnyClassifier } from './classifier.js';
import { logitScale } from './logit-scale.js';

/** Bias of a class that does not occur: its probability is 0 in float32, and the sum stays finite in every precision. */
export const excluded = -1e4;

/**
 * Returns `classifier` with adapted predictions; it disposes `classifier` with itself. Throws UserError ADAPTATION for
 * other classes.
 */
export function adaptedClassifier<Of extends AnyClassifier>(classifier: Of, adaptation: Adaptation): Of {
  const { classNames, file } = classifier;
  if (!isSameOrder(classNames, adaptation.classNames))
    throw new UserError(
      'ADAPTATION',
      `${file} has other classes than its adaptation: run "${adaptCommand(file, adaptation)}" again.`,
    );
  const scale = logitScale(classifier);
  return {
    ...classifier,
    adaptation,
    logits: (images) => torch.tidy(() => adaptedLogits(classifier.logits(images), adaptation, scale)),
    [Symbol.dispose]: () => classifier[Symbol.dispose](),
  };
}

/**
 * Returns `classifier` with the adaptation beside its file, or as it is where there is none. Throws UserError ADAPTATION,
 * and disposes it then.
 */
export function withAdaptation<Of extends AnyClassifier>(classifier: Of): Of {
  try {
    const adaptation = readAdaptation(classifier.file);
    return adaptation === undefined ? classifier : adaptedClassifier(classifier, adaptation);
  } catch (error) {
    classifier[Symbol.dispose]();
    throw error;
  }
}

/** The rules of an adapted model's answers; nothing for other models. */
export function rulesOf({ adaptation }: AnyClassifier): DecisionRules {
  if (adaptation === undefined) return {};
  const { unknown, conformal, prior } = adaptation;
  return { thresholds: unknown?.thresholds, limits: conformal?.limits, occurs: prior.shares.map((share) => share > 0) };
}

/**
 * Returns the outputs with the adapted logits `[B, C]` as the prediction; those of the experts stay. `scale` is the
 * model's `logitScale`, with which the caller multiplies the logits.
 */
export function adaptedLogits(
  logits: OutputLogits,
  { outputs, weights, bias }: Pick<AppliedAdaptation, 'outputs' | 'weights' | 'bias'>,
  scale: number,
): OutputLogits {
  const missing = outputs.find((name) => logits[name] === undefined);
  if (missing !== undefined || (outputs.length === 1 && logits.cls !== undefined))
    throw new UserError(
      'ADAPTATION',
      `the adaptation is for the outputs ${outputs.join(' and ')}, and the model has ${Object.keys(logits).join(', ')}: adapt the model again, or leave the adaptation out with --no-adaptation.`,
    );
  return torch.tidy(() => {
    const terms = outputs.map((name, k) => logits[name]!.float().mul(weights[k]!));
    const sum = terms.reduce((all, term) => all.add(term));
    const shift = torch.tensor(
      bias.map((value) => value / scale),
      { device: sum.device },
    );
    return { ...logits, avg: sum.add(shift) };
  });
}

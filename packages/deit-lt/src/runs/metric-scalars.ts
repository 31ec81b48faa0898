/** The numbers of an epoch's record under flat names, for programs that know curves and tables but not our records. */
import { accuracyNames } from '../evaluation/class-figures.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { csvCell } from '../text/cells.js';
import { outputNames } from './predictions.js';
import type { EpochRecord } from './reporter.js';

/** `train/loss`, `test/avg/tail`, …: what is before the first slash is a group of curves. */
export type Scalars = ReadonlyMap<string, number>;

const figures = [...accuracyNames, 'top5', 'loss'] as const;

/**
 * Loss and its parts, learning rate, gradient norm, speed, and accuracies in % by output; those of averaged weights
 * under `test_ema`. What an epoch does not have is absent, and so are the figures of single classes.
 */
export function scalarsOf(record: EpochRecord): Scalars {
  const { lr, loss, parts, gradNorm, seconds, imagesPerSecond, drw, evaluatedOn = 'test' } = record;
  const of = new Map<string, number>([['train/loss', loss]]);
  for (const [name, part] of Object.entries(parts)) of.set(`train/loss_${name}`, part);
  of.set('train/learning_rate', lr);
  if (gradNorm !== undefined) of.set('train/gradient_norm', gradNorm);
  of.set('train/reweighted', Number(drw));
  of.set('train/seconds', seconds);
  of.set('train/images_per_second', imagesPerSecond);
  addEvaluation(of, evaluatedOn, record.evaluation);
  addEvaluation(of, `${evaluatedOn}_ema`, record.emaEvaluation);
  return of;
}

function addEvaluation(of: Map<string, number>, group: string, evaluation: EvaluationResult | undefined): void {
  if (evaluation === undefined) return;
  for (const output of outputNames)
    for (const figure of figures) {
      const value = evaluation[output]?.[figure];
      if (typeof value === 'number' && Number.isFinite(value)) of.set(`${group}/${output}/${figure}`, value);
    }
  if (evaluation.expertCosine !== undefined) of.set(`${group}/expert_cosine_distance`, 1 - evaluation.expertCosine);
}

/** A line for each epoch, counted from 0; a column for each name that any epoch has, in the order in which they came. */
export function scalarsCsv(epochs: readonly { readonly epoch: number; readonly scalars: Scalars }[]): string {
  const columns = [...new Set(epochs.flatMap(({ scalars }) => [...scalars.keys()]))];
  const lines = epochs.map(({ epoch, scalars }) =>
    [epoch, ...columns.map((name) => scalars.get(name) ?? '')].join(','),
  );
  return `${[['epoch', ...columns].map(csvCell).join(','), ...lines].join('\n')}\n`;
}

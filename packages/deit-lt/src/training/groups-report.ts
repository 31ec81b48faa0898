/** Overall, head, mid and tail accuracy as lines of text, in the order of the papers' tables. */
import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';

/** A per-cent figure with two digits; a group without images is a dash. */
export function formatPercent(value: number | null): string {
  return value === null || Number.isNaN(value) ? '–' : value.toFixed(2);
}

/** `overall 87.69  head 94.97  mid 83.85  tail 85.53`. */
export function formatGroups({ overall, head, mid, tail }: MetricsResult): string {
  const figures = Object.entries({ overall, head, mid, tail });
  return figures.map(([name, value]) => `${name} ${formatPercent(value)}`).join('  ');
}

/** A line for each output of the model: the prediction first, then CLS and DIST where it has them. */
export function formatEvaluation({ avg, cls, dist }: EvaluationResult): string {
  if (cls === undefined || dist === undefined) return formatGroups(avg);
  return [`average  ${formatGroups(avg)}`, `CLS      ${formatGroups(cls)}`, `DIST     ${formatGroups(dist)}`].join(
    '\n',
  );
}

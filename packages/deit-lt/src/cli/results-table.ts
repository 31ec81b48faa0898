/** Accuracies as a table: a row for each model or output, balanced accuracy first, then those of the papers' tables. */

import { accuracyNames } from '../evaluation/class-figures.js';
import type { EvaluationResult } from '../evaluation/evaluate.js';
import { accuracyCells, columnsExplained, fewWarnings } from '../evaluation/figure-text.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { accuracy, count } from '../format.js';
import { trainingName } from '../recipe/training-kind.js';
import { type Column, formatTable } from './table.js';

export interface ResultRow {
  readonly name: string;
  readonly metrics: MetricsResult;
}

/** The outputs of an evaluation in the order of the papers: CLS, DIST, their average; or the one there is. */
export function outputRows({ avg, cls, dist }: EvaluationResult, name: string): ResultRow[] {
  if (cls === undefined || dist === undefined) return [{ name, metrics: avg }];
  return [
    { name: `${name} CLS`, metrics: cls },
    { name: `${name} DIST`, metrics: dist },
    { name: `${name} average`, metrics: avg },
  ];
}

const columns: readonly Column[] = [
  { title: '' },
  ...[...accuracyNames, 'top-5'].map((title): Column => ({ title, align: 'right' })),
];

/** The table, the line that explains its columns, and a warning where classes have few images; under the title of the figures. */
export function resultsText(title: string, rows: readonly ResultRow[], split: 'test' | 'validation'): string {
  const cells = rows.map(({ name, metrics }) => [name, ...accuracyCells(metrics), accuracy(metrics.top5)]);
  const warnings = fewWarnings(
    rows.map(({ metrics }) => metrics),
    split,
  );
  return [title, '', formatTable(columns, cells), '', `(${columnsExplained})`, ...warnings].join('\n');
}

/** The evaluations of the trained models; undefined for a model that was not trained or not evaluated. */
export interface RunEvaluations {
  readonly teacher?: EvaluationResult | undefined;
  readonly vit?: EvaluationResult | undefined;
  readonly student?: EvaluationResult | undefined;
}

/** Returns the table of a whole run, or a sentence if there were no images to evaluate. */
export function runResults(
  { teacher, vit, student }: RunEvaluations,
  split: 'test' | 'validation',
  { model }: { readonly model: string },
): string {
  const rows = [
    ...(teacher === undefined ? [] : outputRows(teacher, 'teacher')),
    ...(vit === undefined ? [] : outputRows(vit, trainingName('vit', model))),
    ...(student === undefined ? [] : outputRows(student, 'student')),
  ];
  if (rows.length === 0) return 'There are no test or validation images, so there is no accuracy.';
  return resultsText(resultsTitle(rows[0]!.metrics.images, split), rows, split);
}

export function resultsTitle(total: number, split: 'test' | 'validation'): string {
  return `Accuracy in % on ${count(total)} ${split} images`;
}

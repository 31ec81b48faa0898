/** Accuracies as a table: a row for each model or output, columns as in the papers' tables. */

import type { EvaluationResult } from '../evaluation/evaluate.js';
import type { MetricsResult } from '../evaluation/metrics.js';
import { accuracy, count } from '../format.js';
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
  ...['overall', 'head', 'mid', 'tail', 'top-5'].map((title): Column => ({ title, align: 'right' })),
];

export function resultsTable(rows: readonly ResultRow[]): string {
  const cells = rows.map(({ name, metrics: { overall, head, mid, tail, top5 } }) => [
    name,
    ...[overall, head, mid, tail, top5].map(accuracy),
  ]);
  return formatTable(columns, cells);
}

/** What was trained, each as far as there were images to measure on. */
export interface RunEvaluations {
  readonly teacher?: EvaluationResult | undefined;
  readonly vit?: EvaluationResult | undefined;
  readonly student?: EvaluationResult | undefined;
}

/** The table of a whole run, or what is said when there was nothing to measure on. */
export function runResults({ teacher, vit, student }: RunEvaluations, split: 'test' | 'validation'): string {
  const rows = [
    ...(teacher === undefined ? [] : outputRows(teacher, 'teacher')),
    ...(vit === undefined ? [] : outputRows(vit, 'plain ViT')),
    ...(student === undefined ? [] : outputRows(student, 'student')),
  ];
  if (rows.length === 0) return 'There are no test or validation images, so nothing was measured.';
  return `${resultsTitle(rows[0]!.metrics.images, split)}\n\n${resultsTable(rows)}`;
}

export function resultsTitle(total: number, split: 'test' | 'validation'): string {
  return `Accuracy in % on ${count(total)} ${split} images`;
}

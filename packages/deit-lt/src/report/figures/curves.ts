/** Training curves: loss, and accuracies of each evaluated epoch. */
import * as Plot from '@observablehq/plot';
import { outputNames } from '../../training/predictions.js';
import { drawFigure, type Figure } from '../figure.js';
import { outputColor, outputLabels, runColor } from '../palette.js';
import type { ReportRun } from '../report-run.js';

interface Point {
  readonly epoch: number;
  readonly value: number;
  readonly series: string;
  readonly color: string;
  readonly facet?: string;
}

const facets = ['overall', 'head', 'mid', 'tail'] as const;

/** Of all runs: mean loss of each epoch. Losses of different kinds of runs are different functions. */
export function lossFigure(runs: readonly ReportRun[]): Figure | undefined {
  const points = runs.flatMap(({ name, place, records }) =>
    records.map(({ epoch, loss }): Point => ({ epoch: epoch + 1, value: loss, series: name, color: runColor(place) })),
  );
  if (points.length === 0) return undefined;
  const shown = runs.filter(({ records }) => records.length > 0);
  return drawFigure({
    id: 'loss',
    title: 'Training loss',
    alt: `Training loss by epoch. ${shown.map(({ name, records }) => `${name}: from ${records[0]!.loss.toFixed(2)} to ${records.at(-1)!.loss.toFixed(2)}`).join('; ')}.`,
    caption:
      'Mean loss of each epoch. Teacher, plain ViT and student have different losses: only their course compares.',
    legend: shown.map(({ name, place }) => ({ label: name, color: runColor(place) })),
    plot: {
      marginLeft: 48,
      x: { label: 'epoch', domain: domainOf(points) },
      y: { grid: true, label: 'loss' },
      marks: linesAndDots(points),
    },
  });
}

/** Whether there is a curve at all: single points are in the table. */
function hasCurve(points: readonly Point[]): boolean {
  return (
    new Set(points.map(({ epoch, series }) => `${series} ${epoch}`)).size >
    new Set(points.map(({ series }) => series)).size
  );
}

/** Of all runs: accuracies of the prediction. Undefined when no run has two evaluated epochs. */
export function accuracyFigure(runs: readonly ReportRun[]): Figure | undefined {
  const points = runs.flatMap(({ name, place, records }) =>
    records.flatMap(({ epoch, evaluation }) =>
      facets.flatMap((facet): Point[] => {
        const value = evaluation?.avg[facet];
        if (value === undefined || value === null) return [];
        return [{ epoch: epoch + 1, value, series: name, color: runColor(place), facet }];
      }),
    ),
  );
  if (!hasCurve(points)) return undefined;
  return drawFigure({
    id: 'accuracy',
    title: 'Accuracy of the prediction by epoch',
    alt: `Overall, head, mid and tail accuracy by epoch of ${runs.map(({ name }) => name).join(', ')}.`,
    caption: 'Per cent, of the weights as trained. Head, mid and tail are means of their classes.',
    legend: runs.map(({ name, place }) => ({ label: name, color: runColor(place) })),
    plot: facetted(points),
  });
}

/** Of a student: accuracies of its experts and of their average. */
export function expertsFigure({ name, records, place }: ReportRun): Figure | undefined {
  const points = records.flatMap(({ epoch, evaluation }) =>
    outputNames.flatMap((output) =>
      facets.flatMap((facet): Point[] => {
        const value = evaluation?.[output]?.[facet];
        if (value === undefined || value === null) return [];
        return [{ epoch: epoch + 1, value, series: output, color: outputColor(output), facet }];
      }),
    ),
  );
  if (!hasCurve(points) || !points.some(({ series }) => series === 'dist')) return undefined;
  return drawFigure({
    id: `experts-by-epoch-${place}`,
    title: `Experts of ${name} by epoch`,
    alt: `Overall, head, mid and tail accuracy by epoch of CLS, DIST and their average in ${name}.`,
    caption: 'Per cent, of the weights as trained.',
    legend: outputNames.map((output) => ({ label: outputLabels[output], color: outputColor(output) })),
    plot: facetted(points),
  });
}

function facetted(points: readonly Point[]): Plot.PlotOptions {
  return {
    height: 520,
    marginLeft: 40,
    marginRight: 52,
    x: { label: 'epoch', domain: domainOf(points) },
    y: { grid: true, label: '%', domain: [0, 100], ticks: [0, 25, 50, 75] },
    fy: { domain: [...facets], label: null, padding: 0.12 },
    marks: [Plot.frame({ stroke: 'var(--line)' }), ...linesAndDots(points, { fy: 'facet' })],
  };
}

function domainOf(points: readonly Point[]): [number, number] {
  return [1, Math.max(2, ...points.map(({ epoch }) => epoch))];
}

function linesAndDots(points: readonly Point[], facet: { fy?: string } = {}): Plot.Markish[] {
  const at = { x: 'epoch', y: 'value', z: 'series', ...facet };
  const few = points.length <= 60;
  return [
    Plot.line(points, { ...at, stroke: 'color', strokeWidth: 1.8 }),
    ...(few ? [Plot.dot(points, { ...at, fill: 'color', r: 2.5 })] : []),
  ];
}

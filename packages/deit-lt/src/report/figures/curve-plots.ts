/**
 * Training curves as options of Observable Plot: loss, and accuracies of each evaluated epoch. Reports draw them
 * on the server and the studio's page in the browser, so nothing here may need Node.
 */
import * as Plot from '@observablehq/plot';
import { type AccuracyName, accuracyNames, type ClassFigures } from '../../evaluation/class-figures.js';
import { columnsExplained, fewWarnings } from '../../evaluation/figure-text.js';
import type { OutputName } from '../../runs/predictions.js';
import type { DrawOptions } from '../figure.js';
import { outputColor, outputLabels, runColor } from '../palette.js';

type Few = Pick<ClassFigures, 'few'>;

/** The part of a line of metrics.jsonl that curves show. */
export interface CurvePoint {
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Null when it was no number. */
  readonly loss: number | null;
  /** Default: test images. */
  readonly evaluatedOn?: 'validation' | 'test';
  readonly evaluation?: Readonly<Partial<Record<OutputName, Readonly<Record<CurveFacet, number | null>> & Few>>>;
}

/** A run with curves; a `ReportRun` is one. */
export interface CurveRun {
  readonly name: string;
  /** Index of the run, from 0, which decides its colour. */
  readonly place: number;
  readonly records: readonly CurvePoint[];
}

export interface CurveOptions {
  /** Whether values are shown under the mouse, in a browser. Default false. */
  readonly tips?: boolean;
}

interface Point {
  readonly epoch: number;
  readonly value: number;
  readonly series: string;
  readonly color: string;
  readonly facet?: CurveFacet;
}

export const curveFacets = accuracyNames;
export type CurveFacet = AccuracyName;

const outputs = Object.keys(outputLabels) as OutputName[];

/** Mean loss of each epoch; teachers have a figure of their own, because their loss may be ten times as large. */
export function lossPlots<R extends CurveRun>(
  runs: readonly R[],
  isTeacher: (run: R) => boolean,
  options: CurveOptions = {},
): DrawOptions[] {
  const teachers = lossPlot(runs.filter(isTeacher), { ...options, id: 'loss-teachers', of: ' of teachers' });
  const others = lossPlot(
    runs.filter((run) => !isTeacher(run)),
    { ...options, id: 'loss', of: '' },
  );
  return [others, teachers].filter((plot) => plot !== undefined);
}

function lossPlot(
  runs: readonly CurveRun[],
  { id, of: whose, ...options }: CurveOptions & { id: string; of: string },
): DrawOptions | undefined {
  const losses = runs.map(({ name, place, records }) => ({
    name,
    place,
    points: records.flatMap(({ epoch, loss }): Point[] =>
      loss === null ? [] : [{ epoch: epoch + 1, value: loss, series: name, color: runColor(place) }],
    ),
  }));
  const shown = losses.filter(({ points }) => points.length > 0);
  const points = shown.flatMap((run) => run.points);
  if (points.length === 0) return undefined;
  return {
    id,
    title: `Training loss${whose}`,
    alt: `Training loss${whose} by epoch. ${shown.map(({ name, points: of }) => `${name}: from ${of[0]!.value.toFixed(2)} to ${of.at(-1)!.value.toFixed(2)}`).join('; ')}.`,
    caption: 'Mean loss of each epoch. Losses of different kinds can only be compared in their shape.',
    legend: shown.map(({ name, place }) => ({ label: name, color: runColor(place) })),
    plot: {
      marginLeft: 48,
      x: epochAxis(points),
      y: { grid: true, label: 'loss' },
      marks: linesAndDots(points, options),
    } satisfies Plot.PlotOptions,
  };
}

/** Plots the accuracies of one output for all runs that have it. Undefined if no run has two evaluated epochs. */
export function accuracyPlot(
  runs: readonly CurveRun[],
  output: OutputName = 'avg',
  options: CurveOptions = {},
): DrawOptions | undefined {
  const ofRun = ({ name, place, records }: CurveRun): Point[] =>
    pointsOf(records, output, { series: name, color: runColor(place) });
  const shown = runs.filter((run) => ofRun(run).length > 0);
  const points = shown.flatMap(ofRun);
  if (!hasCurve(points)) return undefined;
  return {
    id: 'accuracy',
    title: output === 'avg' ? 'Accuracy of the prediction by epoch' : `Accuracy of ${outputLabels[output]} by epoch`,
    alt: `Balanced, overall, head, mid and tail accuracy by epoch of ${shown.map(({ name }) => name).join(', ')}.`,
    caption: captionOf(shown),
    legend: shown.map(({ name, place }) => ({ label: name, color: runColor(place) })),
    plot: facetted(points, options),
  };
}

/** Plots the accuracies of CLS, DIST and their average for a student. */
export function expertsPlot({ name, records, place }: CurveRun, options: CurveOptions = {}): DrawOptions | undefined {
  const points = outputs.flatMap((output) =>
    pointsOf(records, output, { series: outputLabels[output], color: outputColor(output) }),
  );
  if (!hasCurve(points) || !records.some(({ evaluation }) => evaluation?.dist)) return undefined;
  return {
    id: `experts-by-epoch-${place}`,
    title: `Experts of ${name} by epoch`,
    alt: `Balanced, overall, head, mid and tail accuracy by epoch of CLS, DIST and their average in ${name}.`,
    caption: captionOf([{ records }]),
    legend: outputs.map((output) => ({ label: outputLabels[output], color: outputColor(output) })),
    plot: facetted(points, options),
  };
}

function captionOf(runs: readonly Pick<CurveRun, 'records'>[]): string {
  const warnings = runs.flatMap(({ records }) =>
    records.flatMap(({ evaluation, evaluatedOn }) => fewWarnings([evaluation?.avg], evaluatedOn, 'none')),
  );
  return `In %, of the weights without averaging; ${columnsExplained}. ${[...new Set(warnings)].join(' ')}`.trim();
}

function pointsOf(
  records: readonly CurvePoint[],
  output: OutputName,
  series: Pick<Point, 'series' | 'color'>,
): Point[] {
  return records.flatMap(({ epoch, evaluation }) =>
    curveFacets.flatMap((facet): Point[] => {
      const value = evaluation?.[output]?.[facet];
      return value === undefined || value === null ? [] : [{ epoch: epoch + 1, value, facet, ...series }];
    }),
  );
}

/** Returns whether there is a curve at all: single points are in the table. */
function hasCurve(points: readonly Point[]): boolean {
  return (
    new Set(points.map(({ epoch, series }) => `${series} ${epoch}`)).size >
    new Set(points.map(({ series }) => series)).size
  );
}

function facetted(points: readonly Point[], options: CurveOptions): Plot.PlotOptions {
  return {
    height: 630,
    marginLeft: 40,
    marginRight: 52,
    x: epochAxis(points),
    y: { grid: true, label: '%', domain: [0, 100], ticks: [0, 25, 50, 75] },
    fy: { domain: [...curveFacets], label: null, padding: 0.12 },
    marks: [Plot.frame({ stroke: 'var(--line)' }), ...linesAndDots(points, options, { fy: 'facet' })],
  };
}

/** Whole epochs, also when there are few. */
function epochAxis(points: readonly Point[]): Plot.ScaleOptions {
  const last = points.reduce((most, { epoch }) => Math.max(most, epoch), 2);
  const whole = Array.from({ length: last }, (_, i) => i + 1);
  return { label: 'epoch', domain: [1, last], ...(last <= 8 && { ticks: whole }) };
}

function linesAndDots(
  points: readonly Point[],
  { tips = false }: CurveOptions,
  facet: { fy?: string } = {},
): Plot.Markish[] {
  const at = { x: 'epoch', y: 'value', ...facet };
  const few = points.length <= 60;
  const title = ({ series, epoch, value }: Point): string => `${series}\nepoch ${epoch}: ${value.toFixed(2)}`;
  return [
    Plot.line(points, { ...at, z: 'series', stroke: 'color', strokeWidth: 1.8 }),
    ...(few ? [Plot.dot(points, { ...at, fill: 'color', r: 2.5 })] : []),
    ...(tips ? [Plot.tip(points, Plot.pointer({ ...at, title, fill: 'var(--paper)', stroke: 'var(--faint)' }))] : []),
  ];
}

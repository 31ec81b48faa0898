/** Accuracy of each class, from the class with most training images to the one with fewest. */
import * as Plot from '@observablehq/plot';
import { groupNames } from '../../data/groups.js';
import type { ClassFigures } from '../../evaluation/class-figures.js';
import { fewWarnings } from '../../evaluation/figure-text.js';
import { count } from '../../format.js';
import { type OutputName, outputNames } from '../../runs/predictions.js';
import type { RunConfig } from '../../runs/run-folder.js';
import { visible } from '../../text/visible.js';
import { textWidth } from '../../text/width.js';
import { drawFigure, type Figure } from '../figure.js';
import { outputColor, outputLabels } from '../palette.js';
import { classOrder, figuresByOutput, type ReportRun, splitOf } from '../report-run.js';

/** More classes than this have no names. */
const mostNames = 30;
/** More than this are bars of several neighbours. */
const mostBars = 120;

interface Bar {
  readonly output: string;
  readonly color: string;
  /** Classes `from` to `to` − 1 by size. */
  readonly from: number;
  readonly to: number;
  readonly name: string;
  readonly accuracy: number;
}

/** Undefined for a run that was not evaluated. */
export function classBarsFigure(run: ReportRun): Figure | undefined {
  const figures = figuresByOutput(run);
  const outputs = outputNames.filter((output) => figures[output] !== undefined);
  if (outputs.length === 0) return undefined;
  const order = classOrder(run);
  const bars = outputs.flatMap((output) => barsOf(run, order, output, figures[output]!.perClass));
  const named = order.length <= mostNames;
  const { name, place } = run;
  const several = outputs.length > 1;
  const [warning = ''] = fewWarnings(Object.values(figures), splitOf(run), 'none');
  return drawFigure({
    id: `classes-${place}`,
    title: `Accuracy of each class: ${name}`,
    alt: altOf(run, outputs, figures),
    caption: named
      ? `In % of the test images of the class; in brackets the number of its training images. ${warning}`.trim()
      : `In %; classes from the largest to the smallest${order.length > mostBars ? `, ${Math.ceil(order.length / mostBars)} neighbours to a bar` : ''}. Vertical lines separate head, mid and tail. ${warning}`.trim(),
    legend: several ? outputs.map((output) => ({ label: outputLabels[output], color: outputColor(output) })) : [],
    plot: named ? namedPlot(run, order, bars, outputs) : rankedPlot(run, order, bars, outputs),
  });
}

function barsOf(
  { config: { data } }: ReportRun,
  order: readonly number[],
  output: OutputName,
  accuracies: readonly (number | null)[],
): Bar[] {
  const bars = Math.min(order.length, mostBars);
  return Array.from({ length: bars }, (_, bar) => {
    const [from, to] = [bar, bar + 1].map((b) => Math.floor((b * order.length) / bars)) as [number, number];
    const values = order.slice(from, to).flatMap((c) => accuracies[c] ?? []);
    const accuracy = values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length;
    const label = labelOf(data, order[from]!);
    return { output: outputLabels[output], color: outputColor(output), from, to, name: label, accuracy };
  });
}

function labelOf({ classNames, trainCounts }: RunConfig['data'], c: number): string {
  return visible(`${classNames[c]} (${count(trainCounts[c]!)})`);
}

function namedPlot(
  { config: { data } }: ReportRun,
  order: readonly number[],
  bars: readonly Bar[],
  outputs: readonly OutputName[],
): Plot.PlotOptions {
  const longest = Math.max(...bars.map(({ name }) => textWidth(name)));
  const names = order.map((c) => labelOf(data, c));
  return {
    height: 40 + order.length * (outputs.length * 9 + 8),
    marginLeft: Math.min(200, 12 + 6.6 * longest),
    marginRight: 34,
    x: { domain: [0, 100], label: '%', grid: true },
    y: { axis: null, padding: 0.05 },
    fy: { domain: [...new Set(names)], label: null, axis: 'left', padding: 0.2 },
    marks: [
      Plot.barX(bars, { x: 'accuracy', y: 'output', fy: 'name', fill: 'color', sort: { y: null } }),
      Plot.text(bars, {
        x: 'accuracy',
        y: 'output',
        fy: 'name',
        text: ({ accuracy }: Bar) => accuracy.toFixed(0),
        textAnchor: 'start',
        dx: 3,
        fontSize: 9,
      }),
      Plot.ruleX([0]),
    ],
  };
}

function rankedPlot(
  { config: { data } }: ReportRun,
  order: readonly number[],
  bars: readonly Bar[],
  outputs: readonly OutputName[],
): Plot.PlotOptions {
  const borders = groupNames.slice(1).map((group) => order.findIndex((c) => data.groups[c] === group));
  return {
    height: 60 + 110 * outputs.length,
    marginLeft: 40,
    marginRight: outputs.length > 1 ? 60 : 20,
    x: { domain: [0, order.length], label: 'classes by training images, the largest first' },
    y: { domain: [0, 100], grid: true, label: '%', ticks: [0, 25, 50, 75] },
    fy: {
      domain: outputs.map((output) => outputLabels[output]),
      label: null,
      ...(outputs.length === 1 && { axis: null }),
    },
    marks: [
      Plot.rectY(bars, { x1: 'from', x2: 'to', y: 'accuracy', fy: 'output', fill: 'color', inset: 0 }),
      Plot.ruleX(
        borders.filter((border) => border > 0),
        { strokeDasharray: '4 3' },
      ),
      Plot.ruleY([0]),
    ],
  };
}

function altOf(
  { name }: ReportRun,
  outputs: readonly OutputName[],
  figures: Partial<Record<OutputName, ClassFigures>>,
): string {
  const texts = outputs.map((output) => {
    const means = groupNames.flatMap((group) => {
      const mean = figures[output]![group];
      return mean === null ? [] : [`${group} ${mean.toFixed(0)} %`];
    });
    return `${outputLabels[output]} ${means.join(', ')}`;
  });
  return `Accuracy of each class of ${name}, from the largest to the smallest. Means: ${texts.join('; ')}.`;
}

/** The confusion matrix, from the largest class to the smallest. */
import * as Plot from '@observablehq/plot';
import { visible } from '../../text/visible.js';
import { textWidth } from '../../text/width.js';
import { drawFigure, type Figure } from '../figure.js';
import { css } from '../palette.js';
import { classOrder, type ReportRun } from '../report-run.js';

/** More classes than this have no names and numbers. */
const mostNames = 20;
/** More than this are cells of several neighbours. */
const mostCells = 40;

interface Cell {
  readonly truth: number;
  readonly predicted: number;
  readonly images: number;
  /** Share of the images of the true class (or classes). */
  readonly share: number;
}

/** Undefined for a run of which single predictions are not known. */
export function confusionFigure(run: ReportRun): Figure | undefined {
  const order = classOrder(run);
  const bins = Math.min(order.length, mostCells);
  const counts = countsOf(run, order, bins);
  if (counts === undefined) return undefined;
  const cells = cellsOf(counts);
  const { name, place } = run;
  const right = counts.reduce((sum, row, i) => sum + row[i]!, 0);
  const all = counts.flat().reduce((a, b) => a + b, 0);
  const named = order.length <= mostNames;
  return drawFigure({
    id: `confusion-${place}`,
    title: `Confusion of classes: ${name}`,
    alt: `Confusion matrix of ${name}: ${((100 * right) / all).toFixed(0)} % of the images are on the diagonal${biggest(run, order, cells)}.`,
    caption: `Rows: true classes, from the largest to the smallest; columns: predictions. The stronger the colour, the larger the share of the row${named ? '; numbers are images' : ''}${bins < order.length ? `; a cell is about ${Math.round(order.length / bins)} classes` : ''}.`,
    plot: named ? namedPlot(run, order, cells) : rankedPlot(order, bins, cells),
  });
}

/** Images by true and predicted bin. */
function countsOf(
  { predictions, evaluation }: ReportRun,
  order: readonly number[],
  bins: number,
): number[][] | undefined {
  const binOf = Int32Array.from(order, () => 0);
  order.forEach((c, rank) => {
    binOf[c] = Math.floor((rank * bins) / order.length);
  });
  const counts = Array.from({ length: bins }, () => Array.from({ length: bins }, () => 0));
  const add = (truth: number, predicted: number, images: number): void => {
    counts[binOf[truth]!]![binOf[predicted]!]! += images;
  };
  if (predictions !== undefined) {
    const { perImage, classes } = predictions.outputs.avg;
    predictions.labels.forEach((label, i) => {
      add(label, classes[i * perImage]!, 1);
    });
    return counts;
  }
  const matrix = evaluation?.avg.confusion;
  matrix?.forEach((row, truth) => {
    row.forEach((images, predicted) => {
      add(truth, predicted, images);
    });
  });
  return matrix && counts;
}

function cellsOf(counts: readonly (readonly number[])[]): Cell[] {
  return counts.flatMap((row, truth) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.flatMap((images, predicted) =>
      images === 0 ? [] : [{ truth, predicted, images, share: images / total }],
    );
  });
}

/** Roots show small shares. */
const opacity = ({ share }: Cell): number => Math.sqrt(share);

function namedPlot(
  { config: { data } }: ReportRun,
  order: readonly number[],
  cells: readonly Cell[],
): Plot.PlotOptions {
  const name = (rank: number): string => visible(data.classNames[order[rank]!]!);
  const longest = Math.max(...order.map((_, rank) => textWidth(name(rank))));
  const margin = Math.min(140, 14 + 6.6 * longest);
  const ranks = order.map((_, rank) => rank);
  return {
    height: margin + 40 + 28 * order.length,
    marginLeft: margin,
    marginTop: margin,
    padding: 0.04,
    x: { domain: ranks, tickFormat: name, axis: 'top', tickRotate: -60, label: null },
    y: { domain: ranks, tickFormat: name, label: null },
    opacity: { type: 'identity' },
    marks: [
      Plot.cell(cells, { x: 'predicted', y: 'truth', fill: css('run0'), fillOpacity: opacity }),
      Plot.text(cells, { x: 'predicted', y: 'truth', text: 'images', fontSize: 9 }),
    ],
  };
}

function rankedPlot(order: readonly number[], bins: number, cells: readonly Cell[]): Plot.PlotOptions {
  const at = (bin: number): number => (bin * order.length) / bins;
  return {
    height: 460,
    marginLeft: 48,
    x: { domain: [0, order.length], label: 'predicted, by training images' },
    y: { domain: [0, order.length], reverse: true, label: 'true' },
    opacity: { type: 'identity' },
    marks: [
      Plot.rect(cells, {
        x1: ({ predicted }: Cell) => at(predicted),
        x2: ({ predicted }: Cell) => at(predicted + 1),
        y1: ({ truth }: Cell) => at(truth),
        y2: ({ truth }: Cell) => at(truth + 1),
        fill: css('run0'),
        fillOpacity: opacity,
        inset: 0,
      }),
      Plot.frame({ stroke: css('line') }),
    ],
  };
}

function biggest({ config: { data } }: ReportRun, order: readonly number[], cells: readonly Cell[]): string {
  const wrong = cells.filter(({ truth, predicted }) => truth !== predicted).sort((a, b) => b.images - a.images)[0];
  if (wrong === undefined || order.length > mostCells) return '';
  const name = (rank: number): string => data.classNames[order[rank]!]!;
  return `; most often ${name(wrong.truth)} is taken for ${name(wrong.predicted)}, ${wrong.images} times`;
}

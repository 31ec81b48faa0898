/** The three figures of the DeiT-LT paper's analysis: divergence of the experts, attention distance, rank of features. */
import * as Plot from '@observablehq/plot';
import { groupNames } from '../../data/groups.js';
import { drawFigure, type Figure } from '../figure.js';
import { css, runColor } from '../palette.js';
import { epochsOf, type ReportRun } from '../report-run.js';

interface Point {
  readonly x: number;
  readonly y: number;
  readonly series: string;
  readonly color: string;
  readonly facet?: string;
}

const legendOf = (runs: readonly ReportRun[]) =>
  runs.map(({ name, place }) => ({ label: name, color: runColor(place) }));

/** Figure 4a. Undefined when no run is a student that was measured. */
export function divergenceFigure(runs: readonly ReportRun[]): Figure | undefined {
  const students = runs.map((run) => ({ run, points: divergenceOf(run) })).filter(({ points }) => points.length > 0);
  if (students.length === 0) return undefined;
  const points = students.flatMap((student) => student.points);
  const texts = students.map(
    ({ run, points: of }) => `${run.name}: ${of.at(-1)!.y.toFixed(3)} after epoch ${of.at(-1)!.x}`,
  );
  const late = students.filter(({ points: of }) => of.length === 1);
  return drawFigure({
    id: 'paper-4a',
    title: 'Divergence of the experts (figure 4a)',
    alt: `Cosine distance of CLS and DIST features by epoch. ${texts.join('; ')}.`,
    caption: `1 − mean cosine of CLS and DIST features after the last norm; 0: the same direction, 1: orthogonal.${late.length > 0 ? ` Of ${late.map(({ run }) => run.name).join(', ')} only one epoch was measured.` : ''}`,
    legend: legendOf(students.map(({ run }) => run)),
    plot: {
      marginLeft: 48,
      x: { label: 'epoch', domain: [1, Math.max(2, ...students.map(({ run }) => epochsOf(run)))] },
      y: { grid: true, label: 'cosine distance', domain: [0, Math.max(0.2, ...points.map(({ y }) => y)) * 1.1] },
      marks: [
        Plot.line(points, { x: 'x', y: 'y', z: 'series', stroke: 'color', strokeWidth: 1.8 }),
        Plot.dot(points, { x: 'x', y: 'y', fill: 'color', r: 3 }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

/** Values by epoch, or of the analysed checkpoint if the epochs were not measured. */
function divergenceOf({ name, place, records, analysis }: ReportRun): Point[] {
  const color = runColor(place);
  const byEpoch = records.flatMap(({ epoch, evaluation }): Point[] =>
    evaluation?.expertCosine === undefined
      ? []
      : [{ x: epoch + 1, y: 1 - evaluation.expertCosine, series: name, color }],
  );
  const now = analysis?.cosineDistance?.all;
  if (byEpoch.length > 0 || now === undefined || now === null) return byEpoch;
  return [{ x: analysis!.checkpoint.epoch + 1, y: now, series: name, color }];
}

/** Figure 4b. Undefined when no transformer was analysed. */
export function attentionFigure(runs: readonly ReportRun[]): Figure | undefined {
  const analysed = runs.filter(({ analysis }) => analysis?.attention !== undefined);
  if (analysed.length === 0) return undefined;
  const spread = 0.5 / analysed.length;
  const heads = analysed.flatMap(({ name, place, analysis }, i) =>
    analysis!.attention!.raw.flatMap((ofBlock, block) =>
      ofBlock.map(
        (y): Point => ({
          x: block + 1 + (i - (analysed.length - 1) / 2) * spread,
          y,
          series: name,
          color: runColor(place),
        }),
      ),
    ),
  );
  const means = analysed.flatMap(({ name, place, analysis }) =>
    analysis!.attention!.raw.map(
      (ofBlock, block): Point => ({
        x: block + 1,
        y: ofBlock.reduce((a, b) => a + b, 0) / ofBlock.length,
        series: name,
        color: runColor(place),
      }),
    ),
  );
  const blocks = Math.max(...analysed.map(({ analysis }) => analysis!.attention!.raw.length));
  const texts = analysed.map(({ name }) => {
    const of = means.filter(({ series }) => series === name);
    return `${name}: ${of[0]!.y.toFixed(1)} pixels in the first block, ${of.at(-1)!.y.toFixed(1)} in the last`;
  });
  return drawFigure({
    id: 'paper-4b',
    title: 'Attention distance of the heads (figure 4b)',
    alt: `Mean attention distance in pixels by block. ${texts.join('; ')}.`,
    caption:
      'Mean distance of the attended patches in pixels: a dot for each head, a line for their mean. Small values mean local attention, as in a convolution.',
    legend: legendOf(analysed),
    plot: {
      marginLeft: 44,
      x: {
        label: 'block',
        domain: [0.5, blocks + 0.5],
        ticks: blocks,
        tickFormat: (n: number) => (Number.isInteger(n) ? String(n) : ''),
      },
      y: { grid: true, label: 'pixels', zero: true },
      marks: [
        Plot.line(means, { x: 'x', y: 'y', z: 'series', stroke: 'color', strokeWidth: 1.8 }),
        Plot.dot(heads, { x: 'x', y: 'y', fill: 'color', fillOpacity: 0.6, r: 3 }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

/** Figure 4c. Undefined when no transformer was analysed. */
export function rankFigure(runs: readonly ReportRun[]): Figure | undefined {
  const analysed = runs.filter(({ analysis }) => analysis?.ranks !== undefined);
  if (analysed.length === 0) return undefined;
  const single = analysed.length === 1;
  const points = analysed.flatMap(({ name, place, analysis }) =>
    analysis!
      .ranks!.filter(({ group }) => group !== 'all')
      .map(({ block, token, group, rank }) => ({
        x: block + 1,
        y: rank,
        series: `${name} ${token}`,
        color: single ? css(token) : runColor(place),
        token,
        facet: group,
      })),
  );
  const groups = groupNames.filter((group) => points.some(({ facet }) => facet === group));
  const texts = analysed.flatMap(({ name, analysis }) => {
    const last = analysis!.ranks!.filter(
      ({ block, group }) => block === Math.max(...analysis!.ranks!.map((r) => r.block)) && group === groups.at(-1),
    );
    return last.map(({ token, rank }) => `${name} ${token.toUpperCase()} ${rank}`);
  });
  const tokens = single
    ? (['cls', 'dist'] as const)
        .filter((token) => points.some((point) => point.token === token))
        .map((token) => ({ label: token.toUpperCase(), color: css(token), dashed: token === 'cls' }))
    : [...legendOf(analysed), { label: 'CLS', color: css('ink'), dashed: true }, { label: 'DIST', color: css('ink') }];
  return drawFigure({
    id: 'paper-4c',
    title: 'Rank of CLS and DIST features (figure 4c)',
    alt: `Rank of features by block, on head, mid and tail images. After the last block on ${groups.at(-1)} images: ${texts.join('; ')}.`,
    caption:
      'Number of directions that contain 99 % of the variance of the features after each block. A group with few images has a low rank for this reason only.',
    legend: tokens,
    plot: {
      height: 460,
      marginLeft: 40,
      marginRight: 44,
      x: {
        label: 'block',
        ticks: Math.max(...points.map(({ x }) => x)),
        tickFormat: (n: number) => (Number.isInteger(n) ? String(n) : ''),
        domain: [0.8, Math.max(...points.map(({ x }) => x)) + 0.2],
      },
      y: { grid: true, label: 'rank', zero: true, ticks: 4 },
      fy: { domain: groups, label: null, padding: 0.12 },
      marks: [
        Plot.frame({ stroke: css('line') }),
        ...(['cls', 'dist'] as const).map((token) =>
          Plot.line(
            points.filter((point) => point.token === token),
            {
              x: 'x',
              y: 'y',
              z: 'series',
              stroke: 'color',
              fy: 'facet',
              strokeWidth: 1.8,
              ...(token === 'cls' && { strokeDasharray: '5 3' }),
            },
          ),
        ),
        Plot.dot(points, { x: 'x', y: 'y', fill: 'color', fy: 'facet', r: 2 }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

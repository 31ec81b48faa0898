/** Agreement of CLS and DIST of a student, and calibration. */
import * as Plot from '@observablehq/plot';
import { groupNames } from '../../data/groups.js';
import { type OutputName, outputNames } from '../../runs/predictions.js';
import { drawFigure, type Figure } from '../figure.js';
import { css, outputColor, outputLabels } from '../palette.js';
import type { ReportRun } from '../report-run.js';

const parts = [
  { key: 'bothRight', label: 'both right', color: css('run2') },
  { key: 'clsAlone', label: 'CLS alone', color: css('cls') },
  { key: 'distAlone', label: 'DIST alone', color: css('dist') },
  { key: 'bothWrong', label: 'both wrong', color: css('line') },
] as const;

/** Undefined for models without experts, and before an analysis. */
export function agreementFigure({ name, place, analysis }: ReportRun): Figure | undefined {
  const experts = analysis?.experts;
  if (experts === undefined) return undefined;
  const groups = (['all', ...groupNames] as const).filter((group) => experts[group].images > 0);
  const bars = groups.flatMap((group) =>
    parts.map(({ key, label, color }) => ({
      group,
      label,
      color,
      share: (100 * experts[group][key]) / experts[group].images,
    })),
  );
  const texts = groups.map((group) => {
    const { images, clsAlone, distAlone } = experts[group];
    return `${group}: CLS alone ${((100 * clsAlone) / images).toFixed(1)} %, DIST alone ${((100 * distAlone) / images).toFixed(1)} %`;
  });
  return drawFigure({
    id: `agreement-${place}`,
    title: `Which classifier is right: ${name}`,
    alt: `Shares of the images on which both classifiers are right, only one, or none. ${texts.join('; ')}.`,
    caption: 'In % of the images of each group of classes.',
    legend: parts.map(({ label, color }) => ({ label, color })),
    plot: {
      height: 60 + 34 * groups.length,
      marginLeft: 44,
      x: { domain: [0, 100], label: '%' },
      y: { domain: groups, label: null },
      marks: [Plot.barX(bars, { x: 'share', y: 'group', fill: 'color' })],
    } satisfies Plot.PlotOptions,
  });
}

/** Confidence against accuracy of each output. Undefined before an analysis. */
export function calibrationFigure({ name, place, analysis }: ReportRun): Figure | undefined {
  if (analysis === undefined) return undefined;
  const outputs = outputNames.filter((output) => analysis.outputs[output] !== undefined);
  const points = outputs.flatMap((output) =>
    analysis.outputs[output]!.calibration.all.bins.flatMap(({ confidence, accuracy, images }) =>
      confidence === null || accuracy === null || images < 5
        ? []
        : [{ output, confidence: 100 * confidence, accuracy: 100 * accuracy, color: outputColor(output) }],
    ),
  );
  const error = (output: OutputName): string => (100 * (analysis.outputs[output]!.calibration.all.ece ?? 0)).toFixed(1);
  const errors = outputs
    .map((output) => `${outputs.length > 1 ? `${outputLabels[output]} ` : ''}${error(output)} %`)
    .join(', ');
  return drawFigure({
    id: `calibration-${place}`,
    title: `Calibration: ${name}`,
    alt: `Accuracy by confidence. Expected calibration error: ${errors}.`,
    caption: `Below the diagonal, the confidence of the model is higher than its accuracy. Expected calibration error: ${errors}.`,
    legend:
      outputs.length > 1 ? outputs.map((output) => ({ label: outputLabels[output], color: outputColor(output) })) : [],
    plot: {
      height: 300,
      marginLeft: 44,
      x: { domain: [0, 100], label: 'confidence, %' },
      y: { domain: [0, 100], label: 'accuracy, %', grid: true },
      marks: [
        Plot.line(
          [
            [0, 0],
            [100, 100],
          ],
          { stroke: css('faint'), strokeDasharray: '4 3' },
        ),
        Plot.line(points, { x: 'confidence', y: 'accuracy', z: 'output', stroke: 'color', strokeWidth: 1.8 }),
        Plot.dot(points, { x: 'confidence', y: 'accuracy', fill: 'color', r: 3 }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

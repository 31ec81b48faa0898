/** Figures of what `deit-lt adapt` fitted: calibration and coverage on the images that it was fitted on. */
import * as Plot from '@observablehq/plot';
import { drawFigure, type Figure } from '../figure.js';
import { outputColor } from '../palette.js';
import type { ReportRun } from '../report-run.js';

/** Confidence against accuracy of the adapted prediction. Undefined for a run that was not adapted. */
export function adaptedCalibrationFigure({ name, place, adaptation }: ReportRun): Figure | undefined {
  if (adaptation === undefined) return undefined;
  const { bins, after } = adaptation.fitted;
  const points = bins.flatMap(({ confidence, accuracy, images }) =>
    confidence === null || accuracy === null
      ? []
      : [{ confidence: 100 * confidence, accuracy: 100 * accuracy, share: 100 * images }],
  );
  const error = `Expected calibration error: ${after.ece.toFixed(1)} %.`;
  return drawFigure({
    id: `adapted-calibration-${place}`,
    title: `Calibration of the adapted prediction: ${name}`,
    alt: `Accuracy by confidence. ${error}`,
    caption: `On the images that the adaptation was fitted on; larger points stand for more images. ${error}`,
    plot: {
      height: 300,
      marginLeft: 44,
      x: { domain: [0, 100], label: 'confidence, %' },
      y: { domain: [0, 100], label: 'accuracy, %', grid: true },
      r: { range: [2, 9] },
      marks: [
        Plot.line(
          [
            [0, 0],
            [100, 100],
          ],
          { stroke: 'currentColor', strokeOpacity: 0.4, strokeDasharray: '4 4' },
        ),
        Plot.dot(points, { x: 'confidence', y: 'accuracy', r: 'share', fill: outputColor('avg') }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

/** Errors among the answers against the share of the images that are answered. Undefined for a run that was not adapted. */
export function coverageFigure({ name, place, adaptation }: ReportRun): Figure | undefined {
  if (adaptation === undefined) return undefined;
  const { fitted, unknown } = adaptation;
  const curve = fitted.curve.map(({ coverage, risk }) => ({ coverage: 100 * coverage, risk: 100 * risk }));
  const chosen =
    unknown === null || unknown.risk === null ? [] : [{ coverage: 100 * unknown.coverage, risk: 100 * unknown.risk }];
  const at = (share: number): string =>
    (curve.find(({ coverage }) => coverage >= share) ?? curve.at(-1))?.risk.toFixed(1) ?? '0';
  return drawFigure({
    id: `coverage-${place}`,
    title: `Errors by coverage: ${name}`,
    alt: `Share of wrong answers among the surest: ${at(50)} % of the surest half, ${at(100)} % of all.`,
    caption: `Wrong answers, in %, where only the surest images are answered and the others are "unknown"${chosen.length > 0 ? '; the point is the rule that was chosen' : ''}.`,
    plot: {
      height: 300,
      marginLeft: 44,
      x: { domain: [0, 100], label: 'answered, %' },
      y: { domain: [0, Math.max(5, ...curve.map(({ risk }) => risk))], label: 'wrong, %', grid: true },
      marks: [
        Plot.line(curve, { x: 'coverage', y: 'risk', stroke: outputColor('avg') }),
        Plot.dot(chosen, { x: 'coverage', y: 'risk', r: 5, fill: outputColor('avg') }),
      ],
    } satisfies Plot.PlotOptions,
  });
}

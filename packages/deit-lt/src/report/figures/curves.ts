/** Training curves: loss, and accuracies of each evaluated epoch. */
import { drawFigure, type Figure } from '../figure.js';
import type { ReportRun } from '../report-run.js';
import { accuracyPlot, type CurveRun, expertsPlot, lossPlots } from './curve-plots.js';

/** See `lossPlots`. */
export function lossFigures(runs: readonly ReportRun[]): Figure[] {
  return lossPlots(runs, ({ config }) => config.kind === 'teacher').map(drawFigure);
}

/** See `accuracyPlot`. */
export function accuracyFigure(runs: readonly CurveRun[]): Figure | undefined {
  const plot = accuracyPlot(runs);
  return plot && drawFigure(plot);
}

/** See `expertsPlot`. */
export function expertsFigure(run: CurveRun): Figure | undefined {
  const plot = expertsPlot(run);
  return plot && drawFigure(plot);
}

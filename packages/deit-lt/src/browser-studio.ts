/**
 * The functions that the studio's page needs in addition to `deit-lt/browser`: `import … from
 * 'deit-lt/browser-studio'`. A page that draws no curves need not load what draws them. Nothing here, nor what it
 * imports, may need Node or libtorch.
 */
export { accuracyNames } from './evaluation/class-figures.js';
export { columnsExplained, fewWarning, withInterval } from './evaluation/figure-text.js';
export type { DrawOptions, LegendItem } from './report/figure.js';
export { accuracyPlot, type CurveRun, expertsPlot, lossPlots } from './report/figures/curve-plots.js';
export { styleSheet } from './report/style.js';
export type { Review, ReviewClass, ReviewImage, ReviewKind, ReviewRow } from './studio/review-view.js';
export type {
  CurveRecord,
  GroupFigures,
  Guess,
  RunState,
  RunView,
  StudioEvent,
  StudioPart,
  StudioParts,
  TrainingForm,
  TrainingImage,
  TrainingImages,
} from './studio/run-view.js';

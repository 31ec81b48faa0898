/**
 * The part that also runs in a browser: `import … from 'deit-lt/browser'`. Nothing here, nor what it imports, may
 * need Node or libtorch; the pages of `packages/web` are made with it.
 */
export { type AttentionShape, rolloutRow } from './analysis/rollout-rows.js';
export {
  centerWindow,
  cropsMiddle,
  evaluationPixels,
  evaluationWindow,
  type InputSpec,
  networkInput,
} from './augment/evaluation-input.js';
export { type Rgb, white } from './data/decode/background.js';
export { viewOf } from './data/decode/byte-view.js';
export { formatOf } from './data/decode/image-format.js';
export { isTurned, type Orientation, orientationOf, withoutOrientation } from './data/decode/orientation.js';
export type { Filter, Window } from './data/decode/window.js';
export type { RawImage } from './data/resample/resample-image.js';
export { decideValues, rankValues } from './evaluation/rank-values.js';
export type { DecisionRules, Opinion, Ranked } from './evaluation/ranking.js';
export type { PageAttention, PageClass, PageModel } from './export/page-model.js';
export { heatPixels, peakOf } from './report/heat-pixels.js';
export { pageStyle } from './report/page-style.js';
export { type ColorName, colors, css, outputColor, outputLabels, runColor } from './report/palette.js';
export { visible } from './text/visible.js';

/**
 * What also runs in a browser: `import … from 'deit-lt/browser'`. Nothing here, nor what it imports, may need Node or
 * libtorch; the pages of `packages/web` are made with it.
 */

export { pageStyle } from './report/page-style.js';
export { type ColorName, colors, css, outputColor, outputLabels, runColor } from './report/palette.js';

/** The class histogram in the terminal: a bar for each class, from the largest to the smallest. */

import { count } from '../format.js';
import { visible } from '../text/visible.js';
import { clipped, padded, textWidth } from '../text/width.js';
import { binned, type ClassRow } from './class-rows.js';
import type { Colors } from './colors.js';

export interface HistogramOptions {
  readonly width: number;
  readonly colors: Colors;
  /** Rows beyond which classes share one. Default 40. */
  readonly rows?: number;
}

const eighths = ' ▏▎▍▌▋▊▉';
const widestName = 24;

export function histogram(classes: readonly ClassRow[], { width, colors, rows = 40 }: HistogramOptions): string {
  const shown = binned(classes, rows);
  const names = shown.map(({ name }) => clipped(visible(name), widestName));
  const counts = shown.map(({ train }) => count(train));
  const nameWidth = Math.max(...names.map(textWidth));
  const countWidth = Math.max(...counts.map(textWidth));
  const barWidth = Math.min(60, Math.max(10, width - nameWidth - countWidth - '  head  '.length - 2));
  const largest = Math.max(1, ...shown.map(({ train }) => train));
  return shown
    .map(({ train, group }, i) => {
      const name = padded(names[i]!, nameWidth);
      const number = counts[i]!.padStart(countWidth);
      return `${name}  ${number}  ${group.padEnd(4)}  ${colors[group](bar(train / largest, barWidth))}`.trimEnd();
    })
    .join('\n');
}

/** A bar to an eighth of a column; the smallest class that has images still shows. */
function bar(share: number, width: number): string {
  const parts = share === 0 ? 0 : Math.max(1, Math.round(share * width * 8));
  return '█'.repeat(Math.floor(parts / 8)) + (parts % 8 === 0 ? '' : eighths[parts % 8]);
}

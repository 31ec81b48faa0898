/** Tables for the terminal: columns as wide as their widest cell, numbers to the right. Cells may be foreign text as it is. */
import { visible } from '../text/visible.js';
import { padded, textWidth } from '../text/width.js';

export interface Column {
  readonly title: string;
  /** Default `left`. */
  readonly align?: 'left' | 'right';
}

/** Rows of cells under their titles, two spaces between columns, no spaces at the end of a line. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ title }) => title), ...rows].map((row) => row.map(visible));
  const widths = columns.map((_, c) => Math.max(...all.map((row) => textWidth(row[c] ?? ''))));
  return all
    .map((row) => columns.map(({ align }, c) => padded(row[c] ?? '', widths[c]!, align)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Tables for the terminal: columns as wide as their widest cell, numbers to the right. */
import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  /** Default `left`. */
  readonly align?: 'left' | 'right';
}

/** Columns that a text takes in a terminal: colour codes take none, and wide characters count as one. */
export function textWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Rows of cells under their titles, two spaces between columns, no spaces at the end of a line. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const all = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, c) => Math.max(...all.map((row) => textWidth(row[c] ?? ''))));
  return all
    .map((row) => columns.map(({ align }, c) => pad(row[c] ?? '', widths[c]!, align)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

function pad(text: string, width: number, align: Column['align']): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? space + text : text + space;
}

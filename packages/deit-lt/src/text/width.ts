/** The width of a text in a terminal: wide characters and emoji take two columns, combining marks and colours none. */
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** The marks of `cli/colors.ts`. */
const marks = /[\uFDD0-\uFDEF]/g;

export function textWidth(text: string): number {
  return stringWidth(text.replace(marks, ''));
}

/** `text` with spaces at its end, or before it, up to `width` columns. */
export function padded(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - textWidth(text)));
  return align === 'right' ? space + text : text + space;
}

/** The beginning of `text` that fits into `width` columns, with `…` at its end when something was left out. */
export function clipped(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const { segment } of graphemes.segment(text)) {
    used += textWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Foreign text in cells of tables for programs: each format has its own signs and its own quoting. */
import { visible } from './visible.js';

/**
 * A cell of CSV as RFC 4180 has it, with its raw value. A name that begins with `=` stays as it is: such files are for
 * programs, which join them by these names, and a changed name would be another class.
 */
export function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Returns text for a line or a table of Markdown, where names may not become markup, HTML or another row. */
export function markdownText(text: string): string {
  return visible(text)
    .replace(/[\\`*[\]|~<>&]|(?<!\w)_|_(?!\w)/g, (sign) => (sign in entities ? entities[sign]! : `\\${sign}`))
    .trim();
}

const entities: Readonly<Record<string, string>> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };

/** Returns text for LaTeX. */
export function latexText(text: string): string {
  return visible(text).replace(/[\\{}$&#%_^~<>"]/g, (sign) => latexSigns[sign] ?? `\\${sign}`);
}

const latexSigns: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '^': '\\^{}',
  '~': '\\~{}',
  '<': '\\textless{}',
  '>': '\\textgreater{}',
  '"': '\\textquotedbl{}',
};

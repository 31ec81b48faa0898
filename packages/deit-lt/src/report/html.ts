/** HTML from templates: every value is escaped unless it is HTML already, and is safe to show (`text/visible.ts`). */
import { visible } from '../text/visible.js';

/** Text that is HTML. */
export class Html {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

export type HtmlValue = string | number | Html | null | undefined | false | readonly HtmlValue[];

/** `` html`<p>${name}</p>` ``: null, undefined and false are nothing, lists are joined. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.reduce((text, part, i) => text + textOf(values[i - 1]) + part));
}

function textOf(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value));
  return value.map(textOf).join('');
}

/** Text of several lines, as in `<pre>`. */
export function preformatted(text: string): Html {
  return new Html(text.split('\n').map(escaped).join('\n'));
}

/** For a line of text and for attributes in double quotes, in HTML and in SVG. */
export function escaped(text: string): string {
  return visible(text).replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign]!);
}

/**
 * Figures drawn by Observable Plot on a document without a browser. The document is linkedom's, as for the histogram of
 * `inspect`: Plot needs to make elements and nothing else, for which jsdom brings forty times the code.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { visibleLines } from '../text/visible.js';
import { textWidth } from '../text/width.js';
import { escaped } from './html.js';
import { withLightColors } from './palette.js';

export interface Figure {
  /** Name of the file and of the anchor. */
  readonly id: string;
  readonly title: string;
  /** Text that describes the figure, for readers who cannot see it. */
  readonly alt: string;
  /** An SVG element that takes its colours from the page's variables. */
  readonly svg: string;
  /** Explanation below the figure. */
  readonly caption: string;
}

export interface LegendItem {
  readonly label: string;
  readonly color: string;
  readonly dashed?: boolean;
}

export interface DrawOptions extends Omit<Figure, 'svg'> {
  readonly legend?: readonly LegendItem[];
  /**
   * `Plot.PlotOptions`, which is not its type here because it needs the types of DOM and d3 in every program that
   * imports this.
   */
  readonly plot: object;
}

/** Narrow enough to be read on a phone, where a figure is as wide as the screen. */
export const figureWidth = 480;
const legendRow = 18;
const legendGap = 8;

export function drawFigure({ id, title, alt, caption, legend = [], ...drawn }: DrawOptions): Figure {
  const plot = drawn.plot as Plot.PlotOptions;
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const width = plot.width ?? figureWidth;
  const { places, rows } = legendPlaces(legend, width);
  const top = (plot.marginTop ?? 24) + (rows === 0 ? 0 : rows * legendRow + legendGap);
  const { label, ...y } = typeof plot.y === 'object' && plot.y !== null ? plot.y : {};
  const svg = Plot.plot({
    ...plot,
    y: { ...y, label: null },
    document,
    width,
    height: (plot.height ?? 280) + top - (plot.marginTop ?? 24),
    marginTop: top,
    marginBottom: plot.marginBottom ?? 40, // Plot's own 30 lets the axis' label touch its numbers
    style: { fontSize: '12px', background: 'none', color: 'currentColor', overflow: 'visible' },
  });
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.removeAttribute('aria-roledescription');
  const entries = [
    ...places.map(({ item, x, row }) => legendEntry(item, x, row)),
    // Plot writes it at the very top, where the legend is.
    ...(label
      ? [`<text x="0" y="${top - 12}" fill="currentColor" text-anchor="start">↑ ${escaped(label)}</text>`]
      : []),
  ].join('');
  // As text, because linkedom leaves < in attributes, which XML does not allow.
  const named = visibleLines(svg.outerHTML).replace('<svg ', `<svg role="img" aria-label="${escaped(alt)}" `);
  return { id, title, alt, caption, svg: named.replace(/<\/svg>$/, `${entries}</svg>`) };
}

/** Entries side by side, in as many rows as they need. Widths of letters are guessed: there is no browser to ask. */
function legendPlaces(items: readonly LegendItem[], width: number) {
  const places: { item: LegendItem; x: number; row: number }[] = [];
  let [x, row] = [0, 0];
  for (const item of items) {
    const wide = 34 + 6.8 * textWidth(item.label);
    if (x > 0 && x + wide > width) [x, row] = [0, row + 1];
    places.push({ item, x, row });
    x += wide;
  }
  return { places, rows: items.length === 0 ? 0 : row + 1 };
}

function legendEntry({ label, color, dashed }: LegendItem, x: number, row: number): string {
  const dashes = dashed === true ? ' stroke-dasharray="5 3"' : '';
  const line = `<line x2="20" stroke="${color}" stroke-width="3"${dashes}/>`;
  const text = `<text x="25" y="4" fill="currentColor" text-anchor="start">${escaped(label)}</text>`;
  return `<g transform="translate(${x}, ${8 + row * legendRow})">${line}${text}</g>`;
}

/** A whole SVG document, dark on white, for papers and slides. */
export function standaloneSvg({ svg, title }: Figure): string {
  const style = 'background: white; color: #1a1a1a; font-family: system-ui, sans-serif';
  const painted = svg
    .replace(/ style="[^"]*"/, '')
    .replace(
      /^<svg([^>]*)>/,
      (_, attributes: string) => `<svg${attributes} style="font-size: 12px; ${style}"><title>${escaped(title)}</title>`,
    );
  return `${withLightColors(painted)}\n`;
}
